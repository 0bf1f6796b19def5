"""Instances in SQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from homeport.coordination.instances import Instance, InstanceFilter
from homeport.coordination.values import Millis, Page
from homeport.storage.sql.codec import dump, dump_texts, load, load_texts
from homeport.storage.sql.database import Database, Dialect, Row
from homeport.storage.sql.statements import Where, join

_SELECT: Final = "SELECT id, role, status, created_at, last_seen_at, sessions, capabilities, metadata FROM instances"
_GET: Final = join(_SELECT, "WHERE id = ?")
_PUT: Final = """
    INSERT INTO instances (id, role, role_key, status, created_at, last_seen_at, sessions, capabilities, metadata)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET
        role = excluded.role, role_key = excluded.role_key, status = excluded.status,
        created_at = excluded.created_at, last_seen_at = excluded.last_seen_at, sessions = excluded.sessions,
        capabilities = excluded.capabilities, metadata = excluded.metadata
"""
_TOUCH: Final = """
    UPDATE instances SET
        last_seen_at = CASE WHEN last_seen_at < ? THEN ? ELSE last_seen_at END,
        status = CASE status WHEN 'inactive' THEN 'active' ELSE status END
    WHERE id = ?
"""


class SqlInstances:
    """See :class:`homeport.coordination.store.Instances`."""

    def __init__(self, database: Database, dialect: Dialect) -> None:
        self._execute = database.execute
        self._dialect = dialect

    def get(self, instance_id: str) -> Instance | None:
        row = self._execute(_GET, (instance_id,)).fetchone()
        return None if row is None else _instance(row)

    def exists(self, instance_id: str) -> bool:
        # As :meth:`get` asks: often both are asked about the same one, and a database may remember its answer.
        return self._execute(_GET, (instance_id,)).fetchone() is not None

    def put(self, instance: Instance) -> None:
        values = (
            instance.id,
            instance.role,
            instance.role.casefold(),
            instance.status,
            instance.created_at,
            instance.last_seen_at,
            instance.sessions,
            dump_texts(instance.capabilities),
            dump(instance.metadata),
        )
        self._execute(_PUT, values)

    def touch(self, instance_id: str, now: Millis) -> None:
        self._execute(_TOUCH, (now, now, instance_id))

    def select(self, which: InstanceFilter, page: Page) -> Sequence[Instance]:
        where = self._matching(which)
        if page.after is not None:
            where.add("id > ?", page.after[0])
        statement = join(_SELECT, str(where), "ORDER BY id LIMIT ?")
        return [_instance(row) for row in self._execute(statement, (*where.values, page.limit))]

    def count(self, which: InstanceFilter) -> int:
        where = self._matching(which)
        row = self._execute(join("SELECT count(*) FROM instances", str(where)), where.values).fetchone()
        return int(row[0]) if row else 0

    def ids(self) -> list[str]:
        return [row[0] for row in self._execute("SELECT id FROM instances ORDER BY id")]

    def ids_with_role(self, role: str) -> list[str]:
        statement = "SELECT id FROM instances WHERE role_key = ? ORDER BY id"
        return [row[0] for row in self._execute(statement, (role.casefold(),))]

    def _matching(self, which: InstanceFilter) -> Where:
        where = Where(self._dialect)
        if which.active_since is not None:
            where.add("last_seen_at >= ? AND status <> ?", which.active_since, "inactive")
        where.equal("role_key", None if which.role is None else which.role.casefold())
        where.equal("status", which.status)
        return where


def _instance(row: Row) -> Instance:
    *plain, capabilities, metadata = row
    return Instance(*(*plain, load_texts(capabilities), load(metadata)))
