"""SQL as PostgreSQL understands it."""

from __future__ import annotations

from typing import Final

from homeport.storage.postgres.index import PostgresWords
from homeport.storage.sql.database import Database, Dialect
from homeport.storage.sql.records import SqlRecords

DIALECT: Final = Dialect(
    elements="homeport_texts({list}) WITH ORDINALITY AS {name} (value, key)",
    contains="strpos({text}, ?) > 0",
    then="JOIN",
    unindexed="",
    is_due="homeport_due(metadata) < ?",
    words_row="seq",
    count_messages="SELECT count(*) FROM messages",
    deliver="""
        INSERT INTO deliveries (message_seq, inbox) SELECT ?, id FROM inboxes WHERE reader = ? ON CONFLICT DO NOTHING
    """,
    returning=" RETURNING seq",
    seq_of=lambda cursor: int(cursor.fetchall()[0][0]),
)


def records(database: Database) -> SqlRecords:
    """All records over one connection."""
    return SqlRecords(database, DIALECT, PostgresWords(database))
