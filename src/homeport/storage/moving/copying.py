"""Copies all rows from the one kind of database into the other, and compares every one of them afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from psycopg import sql

from homeport.contract import Identity
from homeport.errors import HomeportError
from homeport.storage.dumps.cluster import Cluster, Connection, told
from homeport.storage.dumps.upgrading import migrate_database
from homeport.storage.dumps.words import reindex
from homeport.storage.moving import files
from homeport.storage.moving.tables import Digest, Digester, MovedTable, moved_tables
from homeport.storage.postgres.identity import stamp
from homeport.storage.postgres.nul import kept, restoring_row

_ROWS: Final = 1000


def into_database(file: Path, target: Cluster, identity: Identity) -> dict[str, Digest]:
    """Fills an empty database with all that is in a file of the current schema.

    Returns:
        What is there now, table by table; it was compared with the file.

    Raises:
        HomeportError: a row cannot be kept, or is another afterwards; the database is then to be thrown away.
    """
    with target.connected() as connection, told(f"{target.name} cannot be begun"):
        stamp(connection, identity)
    migrate_database(target)
    what, read = f"{file} cannot be copied into {target.name}", dict[str, Digest]()
    with closing(files.opened(file)) as source:
        source.execute("BEGIN")
        with target.connected() as connection, told(what), connection.transaction():
            # What counts the messages in an inbox has counted already.
            connection.execute("ALTER TABLE deliveries DISABLE TRIGGER USER")
            for table in moved_tables():
                digester = Digester()
                with closing(files.rows_of(source, table)) as rows:
                    _fill(connection, table, digester.seen(rows))
                read[table.name] = digester.result()
            connection.execute("ALTER TABLE deliveries ENABLE TRIGGER USER")
            _count_on(connection, files.counters_of(source))
            reindex(connection)
    with target.connected() as connection, told(f"{target.name} cannot be analysed"):
        connection.execute("ANALYZE")
    return _compared(read, digests_in(target), f"{file}", target.name)


def into_file(source: Cluster, file: Path) -> dict[str, Digest]:
    """Makes a file with all that is in a database of the current schema that nobody writes to.

    Returns:
        What is there now, table by table; it was compared with the database.

    Raises:
        HomeportError: it cannot be written, or a row is another afterwards; the file is then to be thrown away.
    """
    with source.connected() as connection, told(f"{source.name} cannot be read"), connection.transaction():
        tables = moved_tables()
        counters = {table.name: _highest(connection, table) for table in tables if table.counter is not None}
        # Who refers comes first: what counts the messages of an inbox then finds none whose count it could change.
        digesters = {table.name: Digester() for table in tables}
        rows = ((table, digesters[table.name].seen(_rows_in(connection, table))) for table in reversed(tables))
        files.write_file(file, rows, {name: highest for name, highest in counters.items() if highest})
    read = {name: one.result() for name, one in digesters.items()}
    return _compared(read, files.digests_of(file), source.name, f"{file}")


def digests_in(cluster: Cluster) -> dict[str, Digest]:
    """Of every table of a database, at one moment."""
    found = {}
    with cluster.connected() as connection, told(f"{cluster.name} cannot be read"), connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        for table in moved_tables():
            digester = Digester()
            for _ in digester.seen(_rows_in(connection, table)):
                pass
            found[table.name] = digester.result()
    return found


def _compared(expected: dict[str, Digest], found: dict[str, Digest], source: str, target: str) -> dict[str, Digest]:
    for name, one in expected.items():
        other = found[name]
        if one != other:
            raise HomeportError(
                f"{name} is not the same afterwards: {source} has {one.rows} rows ({one.digest[:12]}), and {target} has"
                f" {other.rows} ({other.digest[:12]}).",
                "Nothing was exchanged; this is a fault of Homeport's.",
            )
    return found


def _fill(connection: Connection, table: MovedTable, rows: Iterator[tuple[Any, ...]]) -> None:
    name = sql.Identifier(table.name)
    columns = sql.SQL(", ").join(map(sql.Identifier, table.columns))
    connection.execute(sql.SQL("DELETE FROM {}").format(name))
    into = sql.SQL("COPY {} ({}) FROM STDIN").format(name, columns)
    with connection.cursor() as cursor, cursor.copy(into) as copy:
        for row in rows:
            copy.write_row(kept(row))


def _rows_in(connection: Connection, table: MovedTable) -> Iterator[tuple[Any, ...]]:
    columns = sql.SQL(", ").join(map(sql.Identifier, table.columns))
    with connection.cursor(name=f"homeport_{table.name}", row_factory=restoring_row) as cursor:
        cursor.itersize = _ROWS
        cursor.execute(sql.SQL("SELECT {} FROM {}").format(columns, sql.Identifier(table.name)))
        yield from cursor


def _count_on(connection: Connection, counters: dict[str, int]) -> None:
    """Has each table that counts go on after the highest number that it ever gave."""
    for table in moved_tables():
        if table.counter is None or _sequence(connection, table) is None:
            continue
        highest = max(counters.get(table.name, 0), _largest(connection, table))
        connection.execute(
            "SELECT setval(pg_get_serial_sequence(%s, %s), %s, %s)",
            (table.name, table.counter, max(highest, 1), highest > 0),
        )


def _highest(connection: Connection, table: MovedTable) -> int:
    """The highest number that a table ever gave; 0 where it gave none."""
    sequence = _sequence(connection, table)
    if sequence is None:
        return 0
    row = connection.execute(sql.SQL("SELECT last_value, is_called FROM {}").format(_qualified(sequence))).fetchone()
    return max(int(row[0]) if row and row[1] else 0, _largest(connection, table))


def _sequence(connection: Connection, table: MovedTable) -> str | None:
    row = connection.execute("SELECT pg_get_serial_sequence(%s, %s)", (table.name, table.counter)).fetchone()
    return str(row[0]) if row and row[0] is not None else None


def _qualified(sequence: str) -> sql.Identifier:
    return sql.Identifier(*(part.strip('"') for part in sequence.split(".")))


def _largest(connection: Connection, table: MovedTable) -> int:
    statement = sql.SQL("SELECT coalesce(max({}), 0) FROM {}")
    name = sql.Identifier(table.counter or "")
    row = connection.execute(statement.format(name, sql.Identifier(table.name))).fetchone()
    return int(row[0]) if row else 0
