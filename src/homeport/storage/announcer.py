"""Tells listeners of events that are durable: each once, in order, whoever wrote them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from homeport.coordination.events import Event
from homeport.coordination.store import Listener

_log = logging.getLogger(__name__)


class Announcer:
    """Keeps the listeners, and the position up to which they know everything.

    The position is kept only while somebody listens.

    Args:
        last: reads the ``seq`` of the newest durable event.
    """

    def __init__(self, last: Callable[[], int]) -> None:
        self._last = last
        self._listeners: list[Listener] = []
        self.told = 0

    @property
    def needed(self) -> bool:
        """Whether anybody listens."""
        return bool(self._listeners)

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Adds a listener for what comes from now on; the answer takes it away again."""
        if not self._listeners:
            self.told = self._last()
        self._listeners.append(listener)

        def stop() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return stop

    def tell(self, events: Sequence[Event]) -> None:
        """Hands events on that are durable; they follow all that were handed on before."""
        if not self._listeners:
            return
        new = [event for event in events if event.seq > self.told]
        if not new:
            return
        self.told = new[-1].seq
        for listener in tuple(self._listeners):
            try:
                listener(new)
            except Exception:  # noqa: BLE001 - whatever it is, the others are told
                # What is stored is stored: a listener's fault is not the fault of whoever wrote.
                _log.exception("a listener failed on events %s to %s", new[0].seq, new[-1].seq)
