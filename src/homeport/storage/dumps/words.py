"""The index of words, made anew for a copy in which texts were replaced."""

from __future__ import annotations

from typing import Final

from psycopg import sql

from homeport.coordination.search import SearchKind
from homeport.storage.dumps.cluster import Connection
from homeport.storage.postgres.index import lexemes
from homeport.storage.postgres.nul import restoring_row
from homeport.storage.sql.scopes import project_scope

_MESSAGES: Final = "SELECT seq, subject || chr(10) || body, scopes FROM messages"
_OTHERS: Final[dict[SearchKind, str]] = {
    "task": "SELECT seq, title || chr(10) || description, project_id FROM tasks",
    "lesson": "SELECT seq, type || chr(10) || content || chr(10) || coalesce(context, ''), project_id FROM lessons",
    "project": "SELECT seq, name || chr(10) || description, id FROM projects",
}
_ROWS: Final = 1000


def reindex(connection: Connection) -> None:
    """Makes the index anew from what is there, so that no word is left in it that is nowhere else.

    Args:
        connection: in a transaction.
    """
    _fill(connection, "message", _MESSAGES)
    for kind, statement in _OTHERS.items():
        _fill(connection, kind, statement)


def _fill(connection: Connection, kind: SearchKind, statement: str) -> None:
    index = sql.Identifier(f"{kind}_words")
    # Emptied and not deleted from: nothing of the old words stays in the file either.
    connection.execute(sql.SQL("TRUNCATE {}").format(index))
    insert = sql.SQL("INSERT INTO {} (seq, words) VALUES (%s, array_to_tsvector(CAST(%s AS TEXT[])))").format(index)
    with connection.cursor(name="homeport_words", row_factory=restoring_row) as reading, connection.cursor() as writing:
        reading.itersize = _ROWS
        reading.execute(statement.encode())
        while rows := reading.fetchmany(_ROWS):
            writing.executemany(
                insert,
                [
                    (seq, lexemes(text, belongs if kind == "message" else project_scope(belongs)))
                    for seq, text, belongs in rows
                ],
            )
