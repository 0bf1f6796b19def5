"""The other servers of one environment: what they must know of each other besides the records.

Alone, which is what a server on a file is, nothing is told, nothing is heard, and nothing costs anything.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

import orjson

from homeport.coordination.values import JsonObject
from homeport.errors import CallError
from homeport.transports.log import Log

MOST_WAITING: Final = 10_000
"""Things to be told while the database is away; the oldest are dropped, since others look for themselves then."""

Handler = Callable[[JsonObject], None]


class Wire(Protocol):
    """What a store gives that several servers have open; see :class:`homeport.storage.postgres.wire.Wire`."""

    @property
    def me(self) -> str: ...
    def hear(self, heard: Callable[[str], None], missed: Callable[[], None]) -> None: ...
    async def tell(self, text: str) -> None: ...


class Others:
    """Tells them and hears them.

    Args:
        wire: to them; None for a server that has its data alone.
        log: learns of what could not be told or understood.

    Attributes:
        me: what this server is called among them; empty where it is alone.
    """

    def __init__(self, wire: Wire | None, log: Log) -> None:
        self.me = "" if wire is None else wire.me
        self._wire = wire
        self._log = log
        self._handlers: dict[str, Handler] = {}
        self._missed: list[Callable[[], None]] = []
        self._waiting: deque[str] = deque(maxlen=MOST_WAITING)
        self._telling: asyncio.Task[None] | None = None
        if wire is not None:
            wire.hear(self._heard, self._looked_away)

    @property
    def alone(self) -> bool:
        """Whether there can be none."""
        return self._wire is None

    def on(self, kind: str, handler: Handler) -> None:
        """Calls the handler in the event loop with what another server tells of this kind; it must return at once."""
        self._handlers[kind] = handler

    def when_missed(self, handler: Callable[[], None]) -> None:
        """Calls it whenever something may have been told that was not heard."""
        self._missed.append(handler)

    def tell(self, kind: str, **data: object) -> None:
        """Tells them as soon as may be, each thing after the one before it; nobody waits for it."""
        if self._wire is None:
            return
        self._waiting.append(_text(kind, data))
        if self._telling is None:
            self._telling = asyncio.create_task(self._tell_all(self._wire))

    async def say(self, kind: str, **data: object) -> None:
        """Tells them now.

        Raises:
            UnavailableError: it cannot be told.
        """
        if self._wire is not None:
            await self._wire.tell(_text(kind, data))

    async def close(self) -> None:
        """Tells what waits, and nothing more."""
        if self._telling is not None:
            await asyncio.wait([self._telling], timeout=1)

    async def _tell_all(self, wire: Wire) -> None:
        try:
            while self._waiting:
                await wire.tell(self._waiting.popleft())
        except CallError as error:
            self._log.event("warning", "the other servers could not be told", reason=str(error))
        finally:
            self._telling = None

    def _heard(self, text: str) -> None:
        try:
            said = orjson.loads(text)
            handler = self._handlers.get(said["kind"])
            if handler is not None:
                handler(said["data"])
        except Exception as error:  # noqa: BLE001 - another version may say what this one does not understand
            self._log.failure("what another server said was not understood", error)

    def _looked_away(self) -> None:
        for handler in self._missed:
            handler()


def _text(kind: str, data: object) -> str:
    return orjson.dumps({"kind": kind, "data": data}).decode()
