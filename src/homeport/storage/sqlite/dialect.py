"""SQL as SQLite understands it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Final

from homeport.storage.sql.database import Cursor, Database, Dialect
from homeport.storage.sql.inboxes import OPEN
from homeport.storage.sql.records import SqlRecords
from homeport.storage.sqlite.index import SqliteWords

_DUE: Final = "substr(json_extract(metadata, '$.due'), 1, 10)"

_last_row: Final[Callable[[Cursor], int]] = attrgetter("lastrowid")

# Not from a SELECT: it would be copied aside first, since a trigger changes the table that it reads.
_DELIVER: Final = """
    INSERT OR IGNORE INTO deliveries (message_seq, inbox) VALUES (?, (SELECT id FROM inboxes WHERE reader = ?))
"""


def _deliver(database: Database, seq: int, reader: str) -> None:
    # Most readers have an inbox.
    if database.execute(_DELIVER, (seq, reader)).rowcount == 0:
        database.execute(OPEN, (reader,))
        database.execute(_DELIVER, (seq, reader))


def _insert(database: Database, table: str, statement: str, values: Sequence[object]) -> int:
    del table
    return _last_row(database.execute(statement, (None, *values)))


DIALECT: Final = Dialect(
    elements="json_each({list}) AS {name}",
    contains="instr({text}, ?) > 0",
    then="CROSS JOIN",
    unindexed="+",
    # The filter on the text goes first: most tasks have no such day, and their metadata need not be parsed. What is no
    # day of the calendar is no day to SQLite's date(), or another one.
    is_due=(
        "instr(metadata, '\"due\"') AND json_type(metadata, '$.due') = 'text'"
        f" AND {_DUE} GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]' AND date({_DUE}) = {_DUE}"
        f" AND {_DUE} >= '0001' AND {_DUE} < ?"
    ),
    words_row="rowid",
    # One of the tables that FTS5 keeps: it has a row for each message, and the smallest.
    count_messages="SELECT count(*) FROM message_words_docsize",
    deliver=_deliver,
    insert=_insert,
)


def records(database: Database) -> SqlRecords:
    """All records over one connection."""
    return SqlRecords(database, DIALECT, SqliteWords(database))
