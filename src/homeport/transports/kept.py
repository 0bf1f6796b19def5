"""What sessions watch, kept beyond the end of the server."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress

from homeport.coordination import watches
from homeport.coordination.store import Records, Store
from homeport.coordination.values import Millis
from homeport.errors import CallError
from homeport.transports.others import Others
from homeport.transports.places import NoPlaceError
from homeport.transports.subscriptions import Listener, Subscriptions


class Kept:
    """What sessions watch: here, and in the store for the time after a restart.

    Args:
        subscriptions: who wants to be told of what.
        store: where it is kept.
        clock: milliseconds since the epoch.
        others: the servers of the environment, one of which may have the session's stream.
    """

    def __init__(self, subscriptions: Subscriptions, store: Store, clock: Callable[[], Millis], others: Others) -> None:
        self._subscriptions = subscriptions
        self._store = store
        self._clock = clock
        self._others = others

    async def watch(self, listener: Listener, client: str, name: str, uri: str) -> bool:
        """Adds one; False where the session has too many.

        Args:
            listener: the session.
            client: whom it counts for.
            name: under which the store keeps it.
            uri: what it wants to be told of.

        Raises:
            CallError: it cannot be kept.
        """
        if not self._subscriptions.add(listener, uri):
            return False
        now = self._clock()
        try:
            await self._store.write(lambda records: watches.keep(records, client, name, uri, now))
        except CallError:
            self._subscriptions.remove(listener, uri)
            raise
        self._others.tell("watch", session=name, uri=uri, on=True)
        return True

    async def unwatch(self, listener: Listener, name: str, uri: str) -> None:
        """Takes one away.

        Raises:
            CallError: the store cannot be written.
        """
        self._subscriptions.remove(listener, uri)
        await self._store.write(lambda records: records.watches.delete(name, uri))
        self._others.tell("watch", session=name, uri=uri, on=False)

    async def of(self, name: str) -> list[str]:
        """What a session watched before a restart.

        Raises:
            NoPlaceError: the store cannot be read now.
        """
        try:
            return await self._store.read(lambda records: records.watches.of(name))
        except CallError as error:
            raise NoPlaceError(503, error.sentence) from None

    async def seen(self, names: list[str]) -> None:
        """Notes that sessions are still there; the next time does where the store cannot be written."""
        now = self._clock()
        with suppress(CallError):
            await self._store.write(lambda records: watches.seen(records, names, now))

    async def drop(self, names: Iterable[str]) -> None:
        """Forgets sessions; upkeep does, a day later, where the store cannot be written."""

        def work(records: Records) -> None:
            for name in names:
                records.watches.drop(name)

        with suppress(CallError):
            await self._store.write(work)
