"""Originals in SQL."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from homeport.coordination.originals import Original
from homeport.storage.sql.database import Database

_SELECT: Final = "SELECT kind, key, path, position, document FROM originals"
_GET: Final = f"{_SELECT} WHERE kind = ? AND key = ?"
_ALL: Final = f"{_SELECT} ORDER BY path, position"
_OF_KIND: Final = f"{_SELECT} WHERE kind = ? ORDER BY path, position"
_PUT: Final = """
    INSERT INTO originals (kind, key, path, position, document) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (kind, key) DO UPDATE SET
        path = excluded.path, position = excluded.position, document = excluded.document
"""


class SqlOriginals:
    """See :class:`homeport.coordination.store.Originals`."""

    def __init__(self, database: Database) -> None:
        self._execute = database.execute

    def get(self, kind: str, key: str) -> Original | None:
        row = self._execute(_GET, (kind, key)).fetchone()
        return None if row is None else Original(*row)

    def put(self, original: Original) -> None:
        values = (original.kind, original.key, original.path, original.position, original.document)
        self._execute(_PUT, values)

    def all(self, kind: str | None = None) -> Iterator[Original]:
        rows = self._execute(_ALL) if kind is None else self._execute(_OF_KIND, (kind,))
        return (Original(*row) for row in rows)
