"""Events in SQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from homeport.coordination.events import Event, EventFilter
from homeport.storage.sql.codec import dump, dump_texts, load, load_texts
from homeport.storage.sql.database import Database, Dialect, Row
from homeport.storage.sql.statements import Where, insert, integer, join

_SELECT: Final = "SELECT seq, at, kind, actor, subject, project_id, audience, data FROM events"
_ADD: Final = insert("events", ("seq", "at", "kind", "actor", "subject", "project_id", "audience", "data"))


class SqlEvents:
    """See :class:`homeport.coordination.store.Events`.

    Attributes:
        appended: the events of the transaction under way, which the writer tells when they are durable.
    """

    def __init__(self, database: Database, dialect: Dialect) -> None:
        self._database = database
        self._execute = database.execute
        self._dialect = dialect
        self.appended: list[Event] = []

    def append(self, event: Event) -> Event:
        values = (
            event.at,
            event.kind,
            event.actor,
            event.subject,
            event.project_id,
            dump_texts(event.audience),
            dump(event.data),
        )
        seq = self._dialect.insert(self._database, "events", _ADD, values)
        # Every write appends one; dataclasses.replace takes three times as long.
        stored = Event(
            seq, event.at, event.kind, event.actor, event.subject, event.project_id, event.audience, event.data
        )
        self.appended.append(stored)
        return stored

    def select(self, which: EventFilter, after: int, limit: int) -> Sequence[Event]:
        where = Where(self._dialect)
        where.add("seq > ?", integer(after))
        return self._found(which, where, "ORDER BY seq LIMIT ?", limit)

    def recent(self, which: EventFilter, before: int | None, limit: int) -> Sequence[Event]:
        where = Where(self._dialect)
        if before is not None:
            where.add("seq < ?", integer(before))
        return self._found(which, where, "ORDER BY seq DESC LIMIT ?", limit)

    def _found(self, which: EventFilter, where: Where, order: str, limit: int) -> Sequence[Event]:
        if which.kinds:
            # ``task`` stands for ``task.*``, which ends before ``task/``: the character after the full stop.
            conditions = " OR ".join(["kind = ? OR (kind >= ? AND kind < ?)"] * len(which.kinds))
            bounds = [bound for kind in which.kinds for bound in (kind, f"{kind}.", f"{kind}/")]
            where.add(f"({conditions})", *bounds)
        where.equal("actor", which.actor)
        where.equal("subject", which.subject)
        where.equal("project_id", which.project_id)
        statement = join(_SELECT, str(where), order)
        return [_event(row) for row in self._execute(statement, (*where.values, limit))]

    def last(self) -> int:
        row = self._execute("SELECT max(seq) FROM events").fetchone()
        return row[0] or 0 if row else 0


def _event(row: Row) -> Event:
    *plain, audience, data = row
    return Event(*(*plain, load_texts(audience), load(data)))
