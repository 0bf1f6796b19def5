"""The feed: everything that happens, in order, for those who follow it from any position."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from itertools import takewhile
from typing import Final

from homeport.coordination.events import Event, EventFilter
from homeport.coordination.store import Store

REMEMBERED: Final = 4096
"""Events that followers get without asking the store; who is further behind reads them from there."""
PAGE: Final = 500


class Feed:
    """Follows a store's events for any number of readers: each event is read once, not once a reader.

    Args:
        store: whose events.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._recent: deque[Event] = deque(maxlen=REMEMBERED)
        self._grown = asyncio.Event()
        self._closed = False
        self._stop_listening = store.listen(self._hear)

    def close(self) -> None:
        """Ends all that is followed."""
        self._closed = True
        self._stop_listening()
        self._grown.set()

    async def last(self) -> int:
        """The position of the newest event."""
        return await self._store.read(lambda records: records.events.last())

    async def follow(self, after: int, idle: float) -> AsyncIterator[Sequence[Event]]:
        """What comes after a position, some events at a time, until the feed is closed.

        Args:
            after: the ``seq`` of the last event that the reader has.
            idle: seconds after which an empty sequence says that nothing happened.
        """
        while not self._closed:
            grown = self._grown
            events = await self._next(after)
            if events:
                after = events[-1].seq
                yield events
                continue
            try:
                async with asyncio.timeout(idle):
                    await grown.wait()
            except TimeoutError:
                yield ()

    async def _next(self, after: int) -> Sequence[Event]:
        if self._recent and self._recent[0].seq <= after + 1:
            newer = list(takewhile(lambda event: event.seq > after, reversed(self._recent)))
            return newer[::-1]
        return await self._store.read(lambda records: records.events.select(EventFilter(), after, PAGE))

    def _hear(self, events: Sequence[Event]) -> None:
        self._recent.extend(events)
        self._grown.set()
        self._grown = asyncio.Event()
