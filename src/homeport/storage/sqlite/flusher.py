"""The thread in which transactions end: an fsync takes as long as the disk takes, and the loop serves meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import TypeVar

T = TypeVar("T")

_Job = tuple[Callable[[], object], "asyncio.Future[object]", asyncio.AbstractEventLoop]


class Flusher:
    """Runs one function at a time in a thread of its own.

    A thread pool would do the same with two futures and a lock for each call; this is on the way of every write.
    """

    def __init__(self, name: str) -> None:
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._thread = Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    async def run(self, function: Callable[[], T]) -> T:
        """The function's answer, or its exception. It runs to its end even if the caller is cancelled."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._jobs.put((function, future, loop))  # type: ignore[arg-type]  # settled with this function's own answer
        return await future

    def stop(self) -> None:
        """Ends the thread after what was given to it."""
        self._jobs.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            function, future, loop = job
            answer: object = None
            fault: BaseException | None = None
            try:
                answer = function()
            except BaseException as error:  # noqa: BLE001 - handed to the caller, whatever it is
                fault = error
            loop.call_soon_threadsafe(_settle, future, answer, fault)


def _settle(future: asyncio.Future[object], answer: object, fault: BaseException | None) -> None:
    if future.done():
        return
    if fault is not None:
        future.set_exception(fault)
    else:
        future.set_result(answer)
