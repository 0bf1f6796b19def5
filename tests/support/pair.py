"""Two desks on two stores that get the same calls at the same time and must answer the same."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, TypeVar

from homeport.coordination.store import Records, Store
from homeport.coordination.values import JsonObject
from homeport.errors import CallError
from homeport.storage.memory import MemoryStore
from tests.support.desk import START, CountedIds, Desk, opened

T = TypeVar("T")

UNLIKE: Final = frozenset({"snippet", "lessons", "cursor"})
"""Keys whose values may differ: pieces of text, what a relevance is computed from, numbers of deliveries."""


class Pair:
    """Desks on a memory store and on another, on an event loop of their own."""

    def __init__(self, open_other: Callable[[Path], AbstractAsyncContextManager[Store]]) -> None:
        self._runner = asyncio.Runner()
        self._stack = AsyncExitStack()
        self.now = START
        self._calls = 0
        self.memory, self.other = self._runner.run(self._open(open_other))

    async def _open(self, open_other: Callable[[Path], AbstractAsyncContextManager[Store]]) -> tuple[Desk, Desk]:
        directory = Path(self._stack.enter_context(TemporaryDirectory(prefix="homeport-pair-")))
        enter = self._stack.enter_async_context
        other = await enter(open_other(directory))
        return await enter(opened(MemoryStore())), await enter(opened(other))

    def close(self) -> None:
        """Closes both stores and the loop."""
        self._runner.run(self._stack.aclose())
        self._runner.close()

    def later(self, minutes: float) -> None:
        """Lets the same time pass for both."""
        for desk in (self.memory, self.other):
            desk.later(minutes)
        self.now = self.memory.now

    def call(self, name: str, /, **arguments: Any) -> JsonObject | None:
        """The answer of both, or nothing where both refuse for the same reason."""
        given = {key: value for key, value in arguments.items() if value is not None}
        self._begin_ids()
        first, second = (self._runner.run(_outcome(desk, name, given)) for desk in (self.memory, self.other))
        if isinstance(first, CallError) or isinstance(second, CallError):
            assert (type(first), str(first)) == (type(second), str(second)), (name, given)
            return None
        assert comparable(first) == comparable(second), (name, given)
        return second

    def _begin_ids(self) -> None:
        """Both give the same ids in each call: a store may run refused work twice, and ids are used up by it."""
        self._calls += 1
        for desk in (self.memory, self.other):
            ids = desk.dispatcher._ids
            assert isinstance(ids, CountedIds)
            ids.begin(self._calls * 1000)

    def look(self, work: Callable[[Records], T]) -> T:
        """What both stores answer to the same reading."""
        first, second = (self._runner.run(desk.store.read(work)) for desk in (self.memory, self.other))
        assert first == second
        return second

    def waits(self, instance: str, cursors: tuple[str | None, str | None]) -> tuple[str, str] | None:
        """What both tell one who waits, each from its own position; the new positions."""
        told = []
        for desk, cursor in zip((self.memory, self.other), cursors, strict=True):
            arguments: JsonObject = {"instanceId": instance, "timeout_seconds": 0}
            arguments |= {} if cursor is None else {"cursor": cursor}
            told.append(self._runner.run(_outcome(desk, "wait_for_messages", arguments)))
        first, second = told
        if isinstance(first, CallError) or isinstance(second, CallError):
            assert (type(first), str(first)) == (type(second), str(second))
            return None
        assert comparable(first) == comparable(second)
        return first["cursor"], second["cursor"]


async def _outcome(desk: Desk, name: str, arguments: JsonObject) -> JsonObject | CallError:
    try:
        return await desk.call(name, **arguments)
    except CallError as refusal:
        return refusal


def comparable(value: Any) -> Any:
    """An answer without what two right stores may answer differently."""
    if isinstance(value, dict):
        return {key: comparable(one) for key, one in value.items() if key not in UNLIKE or not one}
    if isinstance(value, list):
        return [comparable(one) for one in value]
    return value
