"""The side of a move that is a file of SQLite."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from pysqlite3 import dbapi2

from homeport.errors import HomeportError
from homeport.storage.migrations.revisions import Schema
from homeport.storage.moving.tables import Digest, Digester, MovedTable, moved_tables
from homeport.storage.snapshots.copying import MODE, sync_file
from homeport.storage.sql.database import Database
from homeport.storage.sqlite.database import DatabaseError
from homeport.storage.sqlite.index import reindex
from homeport.storage.sqlite.migrating import migrate
from homeport.storage.sqlite.revisions import schema_of

_COUNTING: Final = "SELECT name FROM sqlite_schema WHERE type = 'table' AND sql LIKE '%AUTOINCREMENT%'"
_COLUMNS: Final = """
    SELECT tables.name, columns.name, columns.type
    FROM pragma_table_list AS tables, pragma_table_xinfo(tables.name) AS columns
    WHERE tables.schema = 'main' AND tables.type = 'table' AND substr(tables.name, 1, 7) <> 'sqlite_'
        AND tables.name <> 'alembic_version' AND columns.hidden = 0
    ORDER BY tables.name, columns.cid
"""
"""Computed columns are hidden ones."""


def schema_in(path: Path) -> Schema:
    """The schema of a file."""
    with closing(opened(path)) as database:
        return schema_of(database)


def columns_in(path: Path) -> dict[str, dict[str, str]]:
    """The tables of a file, with the type of each column that is written."""
    found: dict[str, dict[str, str]] = {}
    with closing(opened(path)) as database:
        for table, column, kind in database.execute(_COLUMNS):
            found.setdefault(table, {})[column] = kind
    return found


def tables_in(path: Path) -> list[MovedTable]:
    """The tables of a file; see :func:`homeport.storage.moving.tables.moved_tables`."""
    return moved_tables({name: tuple(columns) for name, columns in columns_in(path).items()})


def rows_of(database: Database, table: MovedTable) -> Generator[tuple[Any, ...]]:
    """All rows."""
    columns = ", ".join(f'"{name}"' for name in table.columns)
    yield from database.execute(f'SELECT {columns} FROM "{table.name}"')  # noqa: S608 - names of the schema


def counters_of(database: Database) -> dict[str, int]:
    """The highest number that each table that counts ever gave, also to rows that are gone."""
    return {name: int(seq) for name, seq in database.execute("SELECT name, seq FROM sqlite_sequence")}


def digests_of(path: Path) -> dict[str, Digest]:
    """Of every table of a file."""
    tables = tables_in(path)
    with closing(opened(path)) as database:
        return {table.name: _digested(rows_of(database, table)) for table in tables}


def begin_file(path: Path, revision: str) -> None:
    """Makes a file of a revision, in which nothing is yet.

    Raises:
        HomeportError: it cannot be written.
    """
    try:
        migrate(path, revision=revision)
        path.chmod(MODE)
    except DatabaseError as error:
        raise _unwritten(path, error) from error


def fill_file(
    path: Path, rows: Iterable[tuple[MovedTable, Iterable[tuple[Any, ...]]]], counters: Mapping[str, int]
) -> None:
    """Fills a file that :func:`begin_file` made; it is on the disk when this returns.

    Args:
        path: of the file.
        rows: of each table. Who refers to a row comes before it: what counts the messages of an inbox then finds none
            whose count it could change.
        counters: see :func:`counters_of`.

    Raises:
        HomeportError: it cannot be written.
    """
    try:
        with closing(dbapi2.connect(str(path), isolation_level=None)) as database:
            for pragma in ("journal_mode = MEMORY", "synchronous = OFF", "foreign_keys = OFF"):
                database.execute(f"PRAGMA {pragma}").fetchall()
            database.execute("BEGIN EXCLUSIVE")
            for table, found in rows:
                database.execute(f'DELETE FROM "{table.name}"')  # noqa: S608 - names of the schema, as below
                marks = ", ".join("?" * len(table.columns))
                columns = ", ".join(f'"{name}"' for name in table.columns)
                database.executemany(f'INSERT INTO "{table.name}" ({columns}) VALUES ({marks})', found)  # noqa: S608
            counting = {name for (name,) in database.execute(_COUNTING)}
            for name, highest in counters.items():
                if name not in counting:
                    continue
                database.execute("DELETE FROM sqlite_sequence WHERE name = ?", (name,))
                database.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (name, highest))
            reindex(database)
            database.execute("COMMIT")
            database.execute("PRAGMA journal_mode = DELETE").fetchall()
    except DatabaseError as error:
        raise _unwritten(path, error) from error
    sync_file(path)


def _unwritten(path: Path, error: Exception) -> HomeportError:
    return HomeportError(f"{path} cannot be written: {error}.", "Look at its disk.")


def _digested(rows: Iterable[tuple[Any, ...]]) -> Digest:
    digester = Digester()
    for _ in digester.seen(rows):
        pass
    return digester.result()


def opened(path: Path) -> Any:  # noqa: ANN401 - the driver has no types
    """A connection that only reads, and refuses a text that is none instead of mending it."""
    return dbapi2.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
