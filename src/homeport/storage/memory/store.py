"""The store itself: work runs on a copy, which takes the place of the tables when the work succeeded."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from homeport.coordination.store import Listener, Records
from homeport.errors import UnavailableError
from homeport.storage.memory.records import MemoryRecords
from homeport.storage.memory.tables import Tables

T = TypeVar("T")


class MemoryStore:
    """See :class:`homeport.coordination.store.Store`. What it holds is gone when it is."""

    def __init__(self) -> None:
        self._tables = Tables()
        self._listeners: list[Listener] = []
        self._closed = False

    @property
    def schema_version(self) -> str:
        return "memory"

    async def read(self, work: Callable[[Records], T]) -> T:
        await self._turn()
        return work(MemoryRecords(self._tables.read_only()))

    async def scan(self, work: Callable[[Records], T]) -> T:
        return await self.read(work)

    async def write(self, work: Callable[[Records], T]) -> T:
        await self._turn()
        seen = self._tables.numbers.get("event", 0)
        tables = self._tables.copied()
        answer = work(MemoryRecords(tables))
        self._tables = tables
        events = [event for seq, event in sorted(tables.events.items()) if seq > seen]
        if events:
            for listener in tuple(self._listeners):
                listener(events)
        # The caller hears of it later than others may: a real store answers from another thread.
        await asyncio.sleep(0)
        return answer

    async def probe(self) -> None:
        await self._turn()

    async def tidy(self) -> bool:
        await self._turn()
        return False

    async def size(self) -> int | None:
        await self._turn()
        return None

    def listen(self, listener: Listener) -> Callable[[], None]:
        self._listeners.append(listener)

        def stop() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return stop

    async def close(self) -> None:
        self._closed = True

    async def _turn(self) -> None:
        """Lets others run first, as a store that waits for a disk does."""
        await asyncio.sleep(0)
        if self._closed:
            raise UnavailableError("The store is closed.", "The server is stopping; try again.")
