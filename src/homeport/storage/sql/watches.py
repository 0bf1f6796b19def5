"""Subscriptions of sessions in SQL."""

from __future__ import annotations

from typing import Final

from homeport.coordination.values import Millis
from homeport.storage.sql.database import Database

_OF: Final = "SELECT uri FROM watches WHERE session = ? ORDER BY uri"
_COUNT: Final = "SELECT count(*) FROM watches WHERE client = ?"
_PUT: Final = """
    INSERT INTO watches (session, uri, client, used_at) VALUES (?, ?, ?, ?)
    ON CONFLICT (session, uri) DO UPDATE SET client = excluded.client, used_at = excluded.used_at
"""
_DELETE: Final = "DELETE FROM watches WHERE session = ? AND uri = ?"
_DROP: Final = "DELETE FROM watches WHERE session = ?"
_TOUCH: Final = "UPDATE watches SET used_at = ? WHERE session = ? AND used_at < ?"
_FORGET: Final = "DELETE FROM watches WHERE used_at <= ?"


class SqlWatches:
    """See :class:`homeport.coordination.store.Watches`."""

    def __init__(self, database: Database) -> None:
        self._execute = database.execute

    def of(self, session: str) -> list[str]:
        return [str(uri) for (uri,) in self._execute(_OF, (session,))]

    def count(self, client: str) -> int:
        row = self._execute(_COUNT, (client,)).fetchone()
        return int(row[0]) if row else 0

    def put(self, client: str, session: str, uri: str, now: Millis) -> None:
        self._execute(_PUT, (session, uri, client, now))

    def delete(self, session: str, uri: str) -> None:
        self._execute(_DELETE, (session, uri))

    def drop(self, session: str) -> None:
        self._execute(_DROP, (session,))

    def touch(self, session: str, now: Millis) -> None:
        self._execute(_TOUCH, (now, session, now))

    def forget(self, before: Millis) -> None:
        self._execute(_FORGET, (before,))
