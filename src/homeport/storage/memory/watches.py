"""Subscriptions of sessions in a dictionary."""

from __future__ import annotations

from homeport.coordination.values import Millis
from homeport.storage.memory.tables import Tables


class MemoryWatches:
    """See :class:`homeport.coordination.store.Watches`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def of(self, session: str) -> list[str]:
        return sorted(uri for one, uri in self._tables.watches if one == session)

    def count(self, client: str) -> int:
        return sum(one == client for one, _ in self._tables.watches.values())

    def put(self, client: str, session: str, uri: str, now: Millis) -> None:
        self._tables.watches[session, uri] = (client, now)

    def delete(self, session: str, uri: str) -> None:
        self._tables.watches.pop((session, uri), None)

    def drop(self, session: str) -> None:
        for uri in self.of(session):
            self.delete(session, uri)

    def touch(self, session: str, now: Millis) -> None:
        for uri in self.of(session):
            client, at = self._tables.watches[session, uri]
            self.put(client, session, uri, max(at, now))

    def forget(self, before: Millis) -> None:
        for key, (_, at) in list(self._tables.watches.items()):
            if at <= before:
                del self._tables.watches[key]
