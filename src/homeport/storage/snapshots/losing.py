"""What happened in a database after a position: what a backup of that position has not."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from homeport.storage.sql.codec import load
from homeport.storage.sql.database import Database

_AT: Final = "SELECT at FROM events WHERE seq = ?"
_LAST: Final = "SELECT coalesce(max(seq), 0) FROM events"
_SPAN: Final = "SELECT min(at), max(at) FROM events WHERE seq > ?"
_KINDS: Final = "SELECT kind, count(*) FROM events WHERE seq > ? GROUP BY kind ORDER BY kind"
_CREATED: Final = "SELECT DISTINCT subject FROM events WHERE seq > ? AND kind = 'task.created'"
_CHANGED: Final = f"""
    SELECT count(DISTINCT subject) FROM events
    WHERE seq > ? AND kind LIKE 'task.%' AND subject NOT IN ({_CREATED})
"""  # noqa: S608 - a constant
_DATA: Final = "SELECT data FROM events WHERE seq > ? AND kind = ?"
_UNTOLD: Final = {"webhooks": "", "oauth_clients": "", "oauth_credentials": " AND kind = 'refresh'"}
"""Tables that are written without an event, and which of their rows somebody would miss. They are small."""


@dataclass(frozen=True, slots=True)
class Loss:
    """Numbers of what came after a position. Times are milliseconds since the epoch."""

    last_position: int
    comparable: bool
    since: int | None = None
    until: int | None = None
    tasks_changed: int = 0
    lessons: int = 0
    imported: int = 0
    kinds: dict[str, int] = field(default_factory=dict)
    made: dict[str, int] = field(default_factory=dict)
    """Rows that no event tells of, by table."""
    removed: dict[str, int] = field(default_factory=dict)
    """Such rows that were there and are gone, where somebody said how many there were."""

    def of(self, kind: str) -> int:
        """How many events of a kind."""
        return self.kinds.get(kind, 0)


def lost_after(
    database: Database,
    position: int,
    position_at: int | None,
    *,
    tables: Collection[str],
    taken: int | None = None,
    held: Mapping[str, int] | None = None,
) -> Loss:
    """Counts what came after a position, within one transaction.

    Args:
        database: where.
        position: the last event that a backup has.
        position_at: when that was; where these data have another event there, they are of another history, and
            everything in them counts. None where nobody knows.
        tables: those that the database has.
        taken: when the backup was begun; what was made without an event since then counts. By default since that event.
        held: rows by table that the backup has.
    """
    database.execute("BEGIN")
    try:
        comparable = _is_ours(database, position, position_at)
        after = position if comparable else 0
        moment = (taken if taken is not None else _moment(database, position)) if comparable else 0
        made, removed = _untold(database, tables, moment, held or {} if comparable else {})
        since, until = database.execute(_SPAN, (after,)).fetchone() or (None, None)
        imports = [load(row[0]) for row in database.execute(_DATA, (after, "data.imported"))]
        lessons = [load(row[0]) for row in database.execute(_DATA, (after, "lesson.submitted"))]
        return Loss(
            last_position=_number(database, _LAST),
            comparable=comparable,
            since=since,
            until=until,
            tasks_changed=_number(database, _CHANGED, after, after),
            lessons=sum(int(one.get("lessons", 0)) for one in lessons),
            imported=sum(int(count) for one in imports for count in one.values()),
            kinds=dict(database.execute(_KINDS, (after,)).fetchall()),
            made=made,
            removed=removed,
        )
    finally:
        database.execute("ROLLBACK")


def _moment(database: Database, position: int) -> int:
    row = database.execute(_AT, (position,)).fetchone()
    return row[0] if row else 0


def _untold(
    database: Database, tables: Collection[str], moment: int, held: Mapping[str, int]
) -> tuple[dict[str, int], dict[str, int]]:
    """What was made since a moment in tables that no event tells of, and what is gone from the first of them."""
    made, removed = {}, {}
    for table, which in _UNTOLD.items():
        if table not in tables:
            continue
        made[table] = _number(database, f"SELECT count(*) FROM {table} WHERE created_at > ?{which}", moment)  # noqa: S608
        if table == "webhooks" and table in held:
            # The others go by themselves, after some time.
            stayed = _number(database, f"SELECT count(*) FROM {table}") - made[table]  # noqa: S608 - constants, as above
            removed[table] = max(0, held[table] - stayed)
    return made, removed


def _is_ours(database: Database, position: int, position_at: int | None) -> bool:
    if position == 0:
        return True
    row = database.execute(_AT, (position,)).fetchone()
    return row is not None and position_at in (None, row[0])


def _number(database: Database, statement: str, *values: object) -> int:
    row = database.execute(statement, values).fetchone()
    return row[0] if row else 0
