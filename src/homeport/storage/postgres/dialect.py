"""SQL as PostgreSQL understands it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from homeport.storage.postgres.connection import PostgresDatabase
from homeport.storage.postgres.index import PostgresWords
from homeport.storage.postgres.writing import DELIVERIES, Insertion, WritingDatabase
from homeport.storage.sql.database import Dialect
from homeport.storage.sql.records import SqlRecords

_NOTED: Final = frozenset({"messages", "events"})
"""Tables of which most works store one row, and none reads it."""


def _deliver(database: WritingDatabase, seq: int, reader: str) -> None:
    database.note("deliveries", DELIVERIES, (seq, reader))


def _insert(database: WritingDatabase, table: str, statement: str, values: Sequence[object]) -> int:
    seq = database.take_number(table)
    if table in _NOTED:
        database.note(table, _insertion(statement), (seq, *values))
    else:
        database.execute(statement, (seq, *values))
    return seq


@lru_cache(maxsize=100)
def _insertion(statement: str) -> Insertion:
    before, values, row = statement.partition("VALUES ")
    return Insertion(before + values, row)


DIALECT: Final = Dialect(
    elements="homeport_texts({list}) WITH ORDINALITY AS {name} (value, key)",
    contains="strpos({text}, ?) > 0",
    then="JOIN",
    unindexed="",
    is_due="homeport_due(metadata) < ?",
    words_row="seq",
    count_messages="SELECT count(*) FROM messages",
    deliver=_deliver,
    insert=_insert,
)


def records(database: PostgresDatabase) -> SqlRecords:
    """All records over one connection."""
    return SqlRecords(database, DIALECT, PostgresWords(database))
