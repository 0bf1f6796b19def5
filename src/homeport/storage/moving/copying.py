"""Copies all rows from the one kind of database into the other, and compares every one of them afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from psycopg import sql

from homeport.contract import Identity
from homeport.errors import CannotStartError, HomeportError
from homeport.storage.dumps.cluster import Cluster, Connection, told
from homeport.storage.dumps.loading import BrokenDumpError
from homeport.storage.dumps.upgrading import migrate_database
from homeport.storage.dumps.words import reindex
from homeport.storage.migrations.revisions import HEAD, REVISIONS
from homeport.storage.moving import files
from homeport.storage.moving.dumps import Dump, Rows, typed
from homeport.storage.moving.tables import Digest, Digester, MovedTable
from homeport.storage.postgres.identity import stamp
from homeport.storage.postgres.nul import kept, restoring_row

_ROWS: Final = 1000


@dataclass(frozen=True, slots=True)
class Moved:
    """What is there afterwards.

    Attributes:
        tables: what was compared on both sides, table by table.
        identity: the id of the data, as the database said it itself.
    """

    tables: dict[str, Digest]
    identity: str


def into_database(file: Path, target: Cluster, identity: Identity) -> Moved:
    """Fills an empty database with all that is in a file, whose schema it gets.

    Returns:
        What is there now; it was compared with the file.

    Raises:
        HomeportError: this version does not know the schema, a row cannot be kept, or is another afterwards; the
            database is then to be thrown away.
    """
    revision = _known(files.schema_in(file).revision, f"{file}")
    tables = files.tables_in(file)
    with target.connected() as connection, told(f"{target.name} cannot be begun"):
        stamp(connection, identity)
    migrate_database(target, revision)
    what, read = f"{file} cannot be copied into {target.name}", dict[str, Digest]()
    with closing(files.opened(file)) as source:
        source.execute("BEGIN")
        with target.connected() as connection, told(what), connection.transaction():
            # What counts the messages in an inbox has counted already.
            connection.execute("ALTER TABLE deliveries DISABLE TRIGGER USER")
            for table in tables:
                digester = Digester()
                with closing(files.rows_of(source, table)) as rows:
                    _fill(connection, table, digester.seen(rows))
                read[table.name] = digester.result()
            connection.execute("ALTER TABLE deliveries ENABLE TRIGGER USER")
            _count_on(connection, tables, files.counters_of(source))
            reindex(connection)
    with target.connected() as connection, told(f"{target.name} cannot be analysed"):
        connection.execute("ANALYZE")
    return Moved(_compared(read, digests_in(target, tables), f"{file}", target.name), identity["id"])


def into_file(source: Path, file: Path) -> Moved:
    """Makes a file with all that is in a dump, whose schema it gets. No server is asked.

    Returns:
        What is there now; it was compared with the dump.

    Raises:
        BrokenDumpError: the dump is damaged.
        HomeportError: PostgreSQL's programs are missing, this version does not know the schema, the file cannot be
            written, or a row is another afterwards; the file is then to be thrown away.
    """
    dump = Dump(source)
    files.begin_file(file, _known(dump.revision, f"{source}"))
    kinds = files.columns_in(file)
    if dump.tables != set(kinds):
        odd = ", ".join(sorted(dump.tables ^ set(kinds)))
        raise BrokenDumpError(f"{source} does not have the tables of its schema: {odd}.", "Use another backup.")
    tables = files.tables_in(file)
    read = {table.name: Digester() for table in tables}

    def rows() -> Iterator[tuple[MovedTable, Iterator[tuple[Any, ...]]]]:
        # Who refers comes first; see fill_file.
        with closing(dump.read([table.name for table in reversed(tables)])) as streams:
            for one in streams:
                table = MovedTable(one.table, tuple(kinds[one.table]), None)
                yield table, read[one.table].seen(_typed(source, one, kinds[one.table]))

    sequences = dump.counters()
    counters = {one.name: sequences.get(f"{one.name}_{one.counter}_seq", 0) for one in tables if one.counter}
    files.fill_file(file, rows(), {name: highest for name, highest in counters.items() if highest})
    expected = {name: digester.result() for name, digester in read.items()}
    return Moved(_compared(expected, files.digests_of(file), f"{source}", f"{file}"), dump.identity)


def digests_in(cluster: Cluster, tables: Sequence[MovedTable]) -> dict[str, Digest]:
    """Of tables of a database, at one moment."""
    found = {}
    with cluster.connected() as connection, told(f"{cluster.name} cannot be read"), connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        for table in tables:
            digester = Digester()
            for _ in digester.seen(_rows_in(connection, table)):
                pass
            found[table.name] = digester.result()
    return found


def _known(revision: str | None, place: str) -> str:
    if revision not in REVISIONS:
        raise CannotStartError(
            f"{place} has schema {revision or 'none'}, which this version does not know; it knows up to {HEAD}.",
            "Use the version that wrote it, or a newer one.",
        )
    return revision


def _typed(source: Path, found: Rows, kinds: Mapping[str, str]) -> Iterator[tuple[Any, ...]]:
    """The rows of a dump, with the columns in the order in which the file has them."""
    if set(found.columns) != set(kinds):
        raise BrokenDumpError(f"{source} does not have the columns of {found.table} that its schema has.")
    places = [found.columns.index(name) for name in kinds]
    for row in found.rows:
        try:
            yield typed([row[place] for place in places], list(kinds.values()))
        except (ValueError, IndexError):
            raise BrokenDumpError(f"{source} has a row of {found.table} that is none.", "Use another backup.") from None


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


def _count_on(connection: Connection, tables: Sequence[MovedTable], counters: Mapping[str, int]) -> None:
    """Has each table that counts go on after the highest number that it ever gave."""
    for table in tables:
        if table.counter is None or not _counts(connection, table):
            continue
        highest = max(counters.get(table.name, 0), _largest(connection, table))
        connection.execute(
            "SELECT setval(pg_get_serial_sequence(%s, %s), %s, %s)",
            (table.name, table.counter, max(highest, 1), highest > 0),
        )


def _counts(connection: Connection, table: MovedTable) -> bool:
    row = connection.execute("SELECT pg_get_serial_sequence(%s, %s)", (table.name, table.counter)).fetchone()
    return row is not None and row[0] is not None


def _largest(connection: Connection, table: MovedTable) -> int:
    statement = sql.SQL("SELECT coalesce(max({}), 0) FROM {}")
    name = sql.Identifier(table.counter or "")
    row = connection.execute(statement.format(name, sql.Identifier(table.name))).fetchone()
    return int(row[0]) if row else 0
