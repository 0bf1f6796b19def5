"""Inboxes in SQLite: the deliveries of messages to readers.

Readers are numbered in ``inboxes``, with what their inbox holds: triggers on ``deliveries`` keep the counts, so
that whoever writes a delivery cannot forget them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from homeport.coordination.messages import Delivery, InboxCounts, InboxQuery
from homeport.coordination.values import Millis, Page
from homeport.storage.sqlite.codec import dump_texts
from homeport.storage.sqlite.database import Database
from homeport.storage.sqlite.messages import COLUMNS, message_of, narrow
from homeport.storage.sqlite.statements import Where, integer, join

_STATE: Final = "deliveries.number, deliveries.read_at, deliveries.archived_at"
# CROSS JOIN fixes the order: by the reader's index, one message for each row that is wanted.
_SELECT: Final = join(
    "SELECT", _STATE, ",", COLUMNS, "FROM deliveries CROSS JOIN messages ON messages.seq = deliveries.message_seq"
)
_IS_READERS: Final = "deliveries.inbox = (SELECT id FROM inboxes WHERE reader = ?)"
_ONE: Final = join(_SELECT, "WHERE", _IS_READERS, "AND deliveries.message_seq = ?")
_ALL: Final = join(
    "SELECT inboxes.reader,",
    _STATE,
    ",",
    COLUMNS,
    "FROM deliveries CROSS JOIN inboxes ON inboxes.id = deliveries.inbox",
    "CROSS JOIN messages ON messages.seq = deliveries.message_seq",
    "WHERE deliveries.message_seq = ? ORDER BY inboxes.reader LIMIT ?",
)
_ARRIVALS: Final = "AND deliveries.number > ? ORDER BY deliveries.number LIMIT ?"
_ARRIVED: Final = join(_SELECT, "WHERE", _IS_READERS, "AND deliveries.archived_at IS NULL", _ARRIVALS)
_ARRIVED_UNREAD: Final = join(
    _SELECT, "WHERE", _IS_READERS, "AND deliveries.archived_at IS NULL AND deliveries.read_at IS NULL", _ARRIVALS
)

_DELIVER: Final = "INSERT INTO deliveries (inbox, message_seq) SELECT id, ? FROM inboxes WHERE reader = ?"
_DELIVER_MANY: Final = """
    INSERT INTO deliveries (inbox, message_seq)
    SELECT inboxes.id, ? FROM json_each(?) AS readers CROSS JOIN inboxes ON inboxes.reader = readers.value
    ORDER BY readers.key
"""
_BACKLOG: Final = """
    INSERT INTO deliveries (inbox, message_seq)
    SELECT inboxes.id, waiting.message_seq
    FROM (
        SELECT DISTINCT message_seq FROM message_channels WHERE channel IN (SELECT value FROM json_each(?1))
    ) AS waiting
    CROSS JOIN messages ON messages.seq = waiting.message_seq
    CROSS JOIN inboxes ON inboxes.reader = ?2
    WHERE messages.sender <> ?2 AND NOT EXISTS (
        SELECT 1 FROM deliveries WHERE deliveries.inbox = inboxes.id AND deliveries.message_seq = waiting.message_seq
    )
    ORDER BY waiting.message_seq
"""
_OPEN: Final = "INSERT INTO inboxes (reader) VALUES (?) ON CONFLICT DO NOTHING"
_OPEN_MANY: Final = """
    INSERT INTO inboxes (reader) SELECT value FROM json_each(?) WHERE true ON CONFLICT DO NOTHING
"""
_SET: Final = "WHERE inbox = (SELECT id FROM inboxes WHERE reader = ?) AND message_seq = ?"
_SET_READ: Final = join("UPDATE deliveries SET read_at = ?", _SET)
_SET_ARCHIVED: Final = join("UPDATE deliveries SET archived_at = ?", _SET)


class SqliteInboxes:
    """The part of :class:`homeport.coordination.store.Messages` that concerns readers."""

    def __init__(self, database: Database) -> None:
        self._execute = database.execute

    def deliver(self, seq: int, readers: Sequence[str]) -> None:
        """Delivers a new message to readers, each once."""
        if len(readers) == 1:
            if self._execute(_DELIVER, (seq, readers[0])).rowcount == 0:
                self._execute(_OPEN, (readers[0],))
                self._execute(_DELIVER, (seq, readers[0]))
        elif readers:
            names = dump_texts(tuple(dict.fromkeys(readers)))
            self._execute(_OPEN_MANY, (names,))
            self._execute(_DELIVER_MANY, (seq, names))

    def deliver_backlog(self, reader: str, channels: Sequence[str]) -> int:
        self._execute(_OPEN, (reader,))
        return self._execute(_BACKLOG, (dump_texts(channels), reader)).rowcount

    def delivery(self, reader: str, seq: int) -> Delivery | None:
        row = self._execute(_ONE, (reader, seq)).fetchone()
        return None if row is None else _delivery(reader, row)

    def deliveries(self, seq: int, limit: int = 1000) -> Sequence[Delivery]:
        return [_delivery(reader, row) for reader, *row in self._execute(_ALL, (seq, limit))]

    def inbox(self, query: InboxQuery, page: Page) -> Sequence[Delivery]:
        where = Where()
        where.add(_IS_READERS, query.reader)
        where.add(f"deliveries.archived_at IS {'NOT NULL' if query.archived else 'NULL'}")
        if query.unread_only:
            where.add("deliveries.read_at IS NULL")
        if query.read_only:
            where.add("deliveries.read_at IS NOT NULL")
        if query.archived_month is not None:
            where.add("deliveries.archived_at >= ? AND deliveries.archived_at < ?", *_bounds(query.archived_month))
        narrow(where, query.filter)
        where.before("deliveries.message_seq", page)
        statement = join(_SELECT, str(where), "ORDER BY deliveries.message_seq DESC LIMIT ?")
        return [_delivery(query.reader, row) for row in self._execute(statement, (*where.values, page.limit))]

    def arrivals(self, reader: str, after: int, *, unread_only: bool, limit: int) -> Sequence[Delivery]:
        statement = _ARRIVED_UNREAD if unread_only else _ARRIVED
        return [_delivery(reader, row) for row in self._execute(statement, (reader, integer(after), limit))]

    def last_arrival(self, reader: str) -> int:
        row = self._execute("SELECT last_number FROM inboxes WHERE reader = ?", (reader,)).fetchone()
        return row[0] if row else 0

    def inbox_counts(self, reader: str) -> InboxCounts:
        row = self._execute("SELECT total, unread FROM inboxes WHERE reader = ?", (reader,)).fetchone()
        return InboxCounts(*row) if row else InboxCounts()

    def set_read(self, reader: str, seq: int, at: Millis | None) -> None:
        self._execute(_SET_READ, (at, reader, seq))

    def set_archived(self, reader: str, seq: int, at: Millis | None) -> None:
        self._execute(_SET_ARCHIVED, (at, reader, seq))


def _delivery(reader: str, row: Sequence[Any]) -> Delivery:
    number, read_at, archived_at, *message = row
    return Delivery(message_of(message), reader, number, read_at, archived_at)


def _bounds(month: str) -> tuple[Millis, Millis]:
    """The first moment of ``YYYY-MM`` and of the month after it; what is no month has no moments."""
    try:
        begin = datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC)
        end = begin.replace(year=begin.year + begin.month // 12, month=begin.month % 12 + 1)
    except ValueError:
        return 0, 0
    return round(begin.timestamp() * 1000), round(end.timestamp() * 1000)
