"""Inboxes in SQL: the deliveries of messages to readers.

Readers are numbered in ``inboxes``, with what their inbox holds: triggers on ``deliveries`` keep the counts, so
that whoever writes a delivery cannot forget them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from homeport.coordination.messages import Delivery, InboxCounts, InboxQuery
from homeport.coordination.values import Millis, Page
from homeport.storage.sql.codec import dump_texts
from homeport.storage.sql.database import Database, Dialect
from homeport.storage.sql.messages import COLUMNS, message_of, narrow
from homeport.storage.sql.scopes import channel_scope
from homeport.storage.sql.statements import Where, integer, join
from homeport.storage.sql.words import Words

_STATE: Final = "deliveries.number, deliveries.message_seq, deliveries.read_at, deliveries.archived_at"
# By the reader's index, one message for each row that is wanted.
_SELECT: Final = join(
    "SELECT", _STATE, ",", COLUMNS, "FROM deliveries {then} messages ON messages.seq = deliveries.message_seq"
)
_IS_READERS: Final = "deliveries.inbox = (SELECT id FROM inboxes WHERE reader = ?)"
_ONE: Final = join("WHERE", _IS_READERS, "AND deliveries.message_seq = ?")
_ALL: Final = join(
    "SELECT inboxes.reader,",
    _STATE,
    ",",
    COLUMNS,
    "FROM deliveries {then} inboxes ON inboxes.id = deliveries.inbox",
    "{then} messages ON messages.seq = deliveries.message_seq",
    "WHERE deliveries.message_seq = ? ORDER BY inboxes.reader LIMIT ?",
)
# The states of a delivery, by which the indexes are ordered first.
_UNREAD: Final = 0
_READ: Final = 1
_ARCHIVED: Final = 2

_DELIVER_MANY: Final = """
    INSERT INTO deliveries (inbox, message_seq)
    SELECT inboxes.id, ? FROM {readers} {then} inboxes ON inboxes.reader = readers.value
    ORDER BY readers.key
"""
_BACKLOG: Final = """
    INSERT INTO deliveries (inbox, message_seq)
    SELECT inboxes.id, messages.seq
    FROM inboxes CROSS JOIN message_words {then} messages ON messages.seq = message_words.{row}
    WHERE inboxes.reader = ? AND {match} AND messages.sender <> ? AND NOT EXISTS (
        SELECT 1 FROM deliveries WHERE deliveries.message_seq = messages.seq AND deliveries.inbox = inboxes.id
    )
    ORDER BY messages.seq
"""
OPEN: Final = "INSERT INTO inboxes (reader) VALUES (?) ON CONFLICT DO NOTHING"
"""Opens an inbox for a reader who has none."""
_OPEN_MANY: Final = """
    INSERT INTO inboxes (reader) SELECT readers.value FROM {readers} WHERE true ON CONFLICT DO NOTHING
"""
_SET: Final = "WHERE inbox = (SELECT id FROM inboxes WHERE reader = ?) AND message_seq = ?"
_SET_READ: Final = join("UPDATE deliveries SET read_at = ?", _SET)
_SET_ARCHIVED: Final = join("UPDATE deliveries SET archived_at = ?", _SET)


class SqlInboxes:
    """The part of :class:`homeport.coordination.store.Messages` that concerns readers."""

    def __init__(self, database: Database, dialect: Dialect, words: Words) -> None:
        self._database = database
        self._execute = database.execute
        self._dialect = dialect
        self._words = words
        pieces = {
            "then": dialect.then,
            "readers": dialect.each("?", "readers"),
            "row": dialect.words_row,
            "match": words.match("message"),
        }
        self._select = _SELECT.format(**pieces)
        self._one = join(self._select, _ONE)
        self._all = _ALL.format(**pieces)
        self._deliver_many = _DELIVER_MANY.format(**pieces)
        self._backlog = _BACKLOG.format(**pieces)
        self._open_many = _OPEN_MANY.format(**pieces)

    def deliver(self, seq: int, readers: Sequence[str]) -> None:
        """Delivers a new message to readers, each once."""
        if len(readers) == 1:
            self._dialect.deliver(self._database, seq, readers[0])
        elif readers:
            names = dump_texts(tuple(dict.fromkeys(readers)))
            self._execute(self._open_many, (names,))
            self._execute(self._deliver_many, (seq, names))

    def deliver_backlog(self, reader: str, channels: Sequence[str]) -> int:
        if not channels:
            return 0
        self._words.flush()
        self._execute(OPEN, (reader,))
        asked = self._words.any_of(map(channel_scope, channels))
        return self._execute(self._backlog, (reader, asked, reader)).rowcount

    def delivery(self, reader: str, seq: int) -> Delivery | None:
        row = self._execute(self._one, (reader, seq)).fetchone()
        return None if row is None else _delivery(reader, row)

    def deliveries(self, seq: int, limit: int = 1000) -> Sequence[Delivery]:
        return [_delivery(reader, row) for reader, *row in self._execute(self._all, (seq, limit))]

    def inbox(self, query: InboxQuery, page: Page) -> Sequence[Delivery]:
        where = Where(self._dialect)
        where.add(_IS_READERS, query.reader)
        if query.unread_only:
            where.add("deliveries.read_at IS NULL")
        if query.read_only:
            where.add("deliveries.read_at IS NOT NULL")
        if query.archived_month is not None:
            where.add("deliveries.archived_at >= ? AND deliveries.archived_at < ?", *_bounds(query.archived_month))
        narrow(where, query.filter)
        where.before("deliveries.message_seq", page)
        states = (_ARCHIVED,) if query.archived else (_UNREAD, _READ)
        return self._merged(query.reader, where, states, "message_seq DESC", page.limit)

    def arrivals(self, reader: str, after: int, *, unread_only: bool, limit: int) -> Sequence[Delivery]:
        where = Where(self._dialect)
        where.add(_IS_READERS, reader)
        where.add("deliveries.number > ?", integer(after))
        return self._merged(reader, where, (_UNREAD,) if unread_only else (_UNREAD, _READ), "number", limit)

    def _merged(self, reader: str, where: Where, states: Sequence[int], order: str, limit: int) -> Sequence[Delivery]:
        """Rows of several states in one order: each state has them so in its part of an index."""
        parts = [join(self._select, str(where), f"AND deliveries.state = {state}") for state in states]
        statement = join(" UNION ALL ".join(parts), f"ORDER BY {order} LIMIT ?")
        values = (*where.values * len(states), limit)
        return [_delivery(reader, row) for row in self._execute(statement, values)]

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
    number, _, read_at, archived_at, *message = row
    return Delivery(message_of(message), reader, number, read_at, archived_at)


def _bounds(month: str) -> tuple[Millis, Millis]:
    """The first moment of ``YYYY-MM`` and of the month after it; what is no month has no moments."""
    try:
        begin = datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC)
        end = begin.replace(year=begin.year + begin.month // 12, month=begin.month % 12 + 1)
    except ValueError:
        return 0, 0
    return round(begin.timestamp() * 1000), round(end.timestamp() * 1000)
