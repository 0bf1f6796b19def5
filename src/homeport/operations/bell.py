"""The bell: wakes those who wait for something that concerns them. It costs no thread and no query."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from homeport.coordination.events import Event


class Bell:
    """Rings for instance ids that are in the audience of an event.

    :meth:`ring` is a listener of the store, called in the event loop after events became durable.
    """

    def __init__(self) -> None:
        self._waiting: dict[str, set[asyncio.Event]] = {}

    def __len__(self) -> int:
        """How many wait."""
        return sum(map(len, self._waiting.values()))

    def ring(self, events: Sequence[Event]) -> None:
        """Wakes everybody whom one of the events concerns."""
        if not self._waiting:
            return
        for event in events:
            for one in event.audience:
                for signal in self._waiting.get(one, ()):
                    signal.set()

    @contextmanager
    def listening(self, instance_id: str) -> Iterator[asyncio.Event]:
        """A signal that is set when something concerns the instance, from now until the block ends.

        Listen first, then look, then wait: nothing that happens in between is missed.
        """
        signal = asyncio.Event()
        waiting = self._waiting.setdefault(instance_id, set())
        waiting.add(signal)
        try:
            yield signal
        finally:
            waiting.discard(signal)
            if not waiting and self._waiting.get(instance_id) is waiting:
                del self._waiting[instance_id]

    def ring_all(self) -> None:
        """Wakes everybody, for the end of the server."""
        for waiting in self._waiting.values():
            for signal in waiting:
                signal.set()
