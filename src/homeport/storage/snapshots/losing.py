"""What happened in a database after a position: what a backup of that position has not."""

from __future__ import annotations

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
    WHERE seq > ?1 AND kind GLOB 'task.*' AND subject NOT IN ({_CREATED.replace("?", "?1")})
"""  # noqa: S608 - a constant
_DATA: Final = "SELECT data FROM events WHERE seq > ? AND kind = ?"


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

    def of(self, kind: str) -> int:
        """How many events of a kind."""
        return self.kinds.get(kind, 0)


def lost_after(database: Database, position: int, position_at: int | None) -> Loss:
    """Counts what came after a position, within one transaction.

    Args:
        database: where.
        position: the last event that a backup has.
        position_at: when that was; where these data have another event there, they are of another history, and
            everything in them counts. None where nobody knows.
    """
    database.execute("BEGIN")
    try:
        comparable = _is_ours(database, position, position_at)
        after = position if comparable else 0
        since, until = database.execute(_SPAN, (after,)).fetchone() or (None, None)
        imports = [load(row[0]) for row in database.execute(_DATA, (after, "data.imported"))]
        lessons = [load(row[0]) for row in database.execute(_DATA, (after, "lesson.submitted"))]
        return Loss(
            last_position=_number(database, _LAST),
            comparable=comparable,
            since=since,
            until=until,
            tasks_changed=_number(database, _CHANGED, after),
            lessons=sum(int(one.get("lessons", 0)) for one in lessons),
            imported=sum(int(count) for one in imports for count in one.values()),
            kinds=dict(database.execute(_KINDS, (after,)).fetchall()),
        )
    finally:
        database.execute("ROLLBACK")


def _is_ours(database: Database, position: int, position_at: int | None) -> bool:
    if position == 0:
        return True
    row = database.execute(_AT, (position,)).fetchone()
    return row is not None and position_at in (None, row[0])


def _number(database: Database, statement: str, *values: object) -> int:
    row = database.execute(statement, values).fetchone()
    return row[0] if row else 0
