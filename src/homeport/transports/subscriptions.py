"""Who wants to be told when which resource changes, and the telling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from homeport.coordination.events import Event
from homeport.transports.outbox import notification
from homeport.transports.uris import touched

LISTS: Final = "resources/list_changed"
"""Not a resource: to be told that there are other resources than before."""
TOOLS: Final = "tools/list_changed"
PROMPTS: Final = "prompts/list_changed"
KINDS: Final = frozenset({LISTS, TOOLS, PROMPTS})
MAX_SUBSCRIPTIONS: Final = 1_000
"""Of one client."""


class Listener(Protocol):
    """Who is told; must return at once."""

    def changed(self, key: str) -> None: ...


class Watcher(Protocol):
    """A client that can be told, and what it wants to be told of."""

    async def watch(self, uri: str) -> bool:
        """Tells it of a resource from now on; False where it watches too many."""

    async def unwatch(self, uri: str) -> None:
        """Tells it of that resource no longer."""


class Subscriptions:
    """By what is listened to: an event costs only those whom it concerns."""

    def __init__(self) -> None:
        self._listeners: dict[str, set[Listener]] = {}
        self._keys: dict[Listener, set[str]] = {}

    def __len__(self) -> int:
        """How many listeners there are."""
        return len(self._keys)

    def add(self, listener: Listener, key: str) -> bool:
        """From now on tells of a resource's URI, or of one of :data:`KINDS`; False where it asks for too many."""
        keys = self._keys.setdefault(listener, set())
        if len(keys) > MAX_SUBSCRIPTIONS:
            return False
        keys.add(key)
        self._listeners.setdefault(key, set()).add(listener)
        return True

    def remove(self, listener: Listener, key: str) -> None:
        """Tells of it no longer."""
        self._keys.get(listener, set()).discard(key)
        listeners = self._listeners.get(key)
        if listeners is not None:
            listeners.discard(listener)
            if not listeners:
                del self._listeners[key]

    def drop(self, listener: Listener) -> None:
        """Tells it nothing any more."""
        for key in list(self._keys.get(listener, ())):
            self.remove(listener, key)
        self._keys.pop(listener, None)

    def announce(self, key: str) -> None:
        """Tells those who listen to it."""
        for listener in list(self._listeners.get(key, ())):
            listener.changed(key)

    def heard(self, events: Sequence[Event]) -> None:
        """A listener of the store."""
        if not self._keys:
            return
        for event in events:
            uris, lists = touched(event)
            for uri in uris:
                if uri in self._listeners:
                    self.announce(uri)
            if lists:
                self.announce(LISTS)


class StreamWatcher:
    """A client for as long as its stream: what it watches ends with that.

    Args:
        subscriptions: who wants to be told of what.
        listener: the stream.
    """

    def __init__(self, subscriptions: Subscriptions, listener: Listener) -> None:
        self._subscriptions = subscriptions
        self._listener = listener

    async def watch(self, uri: str) -> bool:
        return self._subscriptions.add(self._listener, uri)

    async def unwatch(self, uri: str) -> None:
        self._subscriptions.remove(self._listener, uri)


def method_of(key: str) -> tuple[str, dict[str, object] | None]:
    """The notification that tells of a change: its method and its parameters."""
    return (f"notifications/{key}", None) if key in KINDS else ("notifications/resources/updated", {"uri": key})


def told(key: str) -> bytes:
    """The event that tells of a change."""
    return notification(*method_of(key))
