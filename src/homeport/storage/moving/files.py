"""The side of a move that is a file of SQLite."""

from __future__ import annotations

from collections.abc import Generator, Iterable
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


def schema_in(path: Path) -> Schema:
    """The schema of a file."""
    with closing(opened(path)) as database:
        return schema_of(database)


def rows_of(database: Database, table: MovedTable) -> Generator[tuple[Any, ...]]:
    """All rows."""
    columns = ", ".join(f'"{name}"' for name in table.columns)
    yield from database.execute(f'SELECT {columns} FROM "{table.name}"')  # noqa: S608 - names of the schema


def counters_of(database: Database) -> dict[str, int]:
    """The highest number that each table that counts ever gave, also to rows that are gone."""
    return {name: int(seq) for name, seq in database.execute("SELECT name, seq FROM sqlite_sequence")}


def digests_of(path: Path) -> dict[str, Digest]:
    """Of every table of a file."""
    with closing(opened(path)) as database:
        return {table.name: _digested(rows_of(database, table)) for table in moved_tables()}


def write_file(
    path: Path, rows: Iterable[tuple[MovedTable, Iterable[tuple[Any, ...]]]], counters: dict[str, int]
) -> None:
    """Makes a file of the current schema with these rows; it is on the disk when this returns.

    Args:
        path: must not exist.
        rows: of each table; who is referred to may come after who refers to it.
        counters: see :func:`counters_of`.

    Raises:
        HomeportError: it cannot be written.
    """
    try:
        migrate(path)
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
        raise HomeportError(f"{path} cannot be written: {error}.", "Look at its disk.") from error
    path.chmod(MODE)
    sync_file(path)


def _digested(rows: Iterable[tuple[Any, ...]]) -> Digest:
    digester = Digester()
    for _ in digester.seen(rows):
        pass
    return digester.result()


def opened(path: Path) -> Any:  # noqa: ANN401 - the driver has no types
    """A connection that only reads, and refuses a text that is none instead of mending it."""
    return dbapi2.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
