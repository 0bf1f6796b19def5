"""The index of words, made anew for a copy in which texts were replaced."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from psycopg import sql

from homeport.coordination.search import SearchKind
from homeport.storage.dumps.cluster import Connection
from homeport.storage.postgres.index import lexemes, quoted
from homeport.storage.postgres.nul import restoring_row
from homeport.storage.sql.scopes import project_scope

_MESSAGES: Final = "SELECT seq, subject || chr(10) || body, scopes FROM messages"
_OTHERS: Final[dict[SearchKind, str]] = {
    "task": "SELECT seq, title || chr(10) || description, project_id FROM tasks",
    "lesson": "SELECT seq, type || chr(10) || content || chr(10) || coalesce(context, ''), project_id FROM lessons",
    "project": "SELECT seq, name || chr(10) || description, id FROM projects",
}
_ROWS: Final = 1000
_INDEXES: Final = """
    SELECT relname, pg_get_indexdef(indexrelid) FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
    WHERE indrelid = CAST(%s AS REGCLASS) AND NOT indisunique ORDER BY relname
"""


def reindex(connection: Connection) -> None:
    """Makes the index anew from what is there, so that no word is left in it that is nowhere else.

    Args:
        connection: in a transaction.
    """
    _fill(connection, "message", _MESSAGES)
    for kind, statement in _OTHERS.items():
        _fill(connection, kind, statement)


def _fill(connection: Connection, kind: SearchKind, statement: str) -> None:
    table = f"{kind}_words"
    index = sql.Identifier(table)
    # Emptied and not deleted from: nothing of the old words stays in the file either.
    connection.execute(sql.SQL("TRUNCATE {}").format(index))
    with (
        _without_indexes(connection, table),
        connection.cursor(name="homeport_words", row_factory=restoring_row) as reading,
        connection.cursor() as writing,
    ):
        into = sql.SQL("COPY {} (seq, words) FROM STDIN").format(index)
        reading.itersize = _ROWS
        reading.execute(statement.encode())
        while rows := reading.fetchmany(_ROWS):
            with writing.copy(into) as copy:
                for seq, text, belongs in rows:
                    found = lexemes(text, belongs if kind == "message" else project_scope(belongs))
                    copy.write_row((seq, " ".join(map(quoted, found))))


@contextmanager
def _without_indexes(connection: Connection, table: str) -> Iterator[None]:
    """Builds the indexes of a table once it is filled: that takes half the time of adding row by row."""
    found = connection.execute(_INDEXES, (table,)).fetchall()
    for name, _ in found:
        connection.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(name)))
    yield
    for _, definition in found:
        connection.execute(definition.encode())
