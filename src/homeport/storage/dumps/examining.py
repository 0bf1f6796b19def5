"""What a database holds, and whether it is sound. Reads only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import psycopg
from psycopg import sql

from homeport.contract import ProblemCode
from homeport.storage.dumps.cluster import Cluster, Connection, UnreachedError
from homeport.storage.postgres.identity import identity_in, schema_of
from homeport.storage.snapshots.examining import INDEXED, MISCOUNTED, Examination

_TABLES: Final = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename"
_NOT_COUNTED: Final = frozenset({"alembic_version", "probe", *INDEXED})
_OUR_OWN: Final = "homeport_"
"""Begins the names of tables in which a database says something of itself."""
_DAMAGED: Final = frozenset({"XX000", "XX001", "XX002", "58030"})
"""An internal error, data or an index that are corrupt, and a disk that does not read."""


def look(cluster: Cluster, *, deep: bool) -> Examination:
    """As :func:`examine`, also where the database cannot be opened."""
    try:
        with cluster.connected() as connection:
            connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            return examine(connection, deep=deep)
    except UnreachedError as error:
        found = Examination()
        found.problem("unreadable", error.sentence)
        return found


def examine(connection: Connection, *, deep: bool) -> Examination:
    """Looks at everything, at one moment.

    Args:
        connection: in a transaction that sees one moment.
        deep: also at what takes a while: every row of the indexes of words, and every count of an inbox.
    """
    found = Examination()
    checks: tuple[Callable[[Connection, Examination], None], ...] = (_schema, _counts, _position)
    for check in (*checks, *((_inboxes,) if deep else ()), _index(deep=deep)):
        try:
            with connection.transaction():
                check(connection, found)
        except psycopg.Error as error:
            said = " ".join(str(error).split()).rstrip(".")
            code: ProblemCode = "damaged" if error.sqlstate in _DAMAGED else "unreadable"
            found.problem(code, f"The database cannot be read everywhere: {said}.")
    return found


def tables_of(connection: Connection) -> list[str]:
    """The names of the tables that hold what people and agents made, sorted; the same as in a file of SQLite."""
    names = (str(name) for (name,) in connection.execute(_TABLES).fetchall())
    return [name for name in names if name not in _NOT_COUNTED and not name.startswith(_OUR_OWN)]


def _schema(connection: Connection, found: Examination) -> None:
    identity = identity_in(connection)
    if identity is None:
        found.problem("no_schema", "The database has no schema of Homeport's.")
        return
    found.identity = identity["id"]
    found.judge_schema(schema_of(connection))


def _counts(connection: Connection, found: Examination) -> None:
    for table in tables_of(connection):
        found.counts[table] = _number(connection, sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table)))


def _position(connection: Connection, found: Examination) -> None:
    if "events" in found.counts:
        row = connection.execute("SELECT seq, at FROM events ORDER BY seq DESC LIMIT 1").fetchone()
        found.position, found.position_at = row or (0, None)


def _inboxes(connection: Connection, found: Examination) -> None:
    if "inboxes" in found.counts and (wrong := _number(connection, sql.SQL(MISCOUNTED))):
        found.problem("counts", f"{wrong} inboxes count other messages than are in them.")


def _index(*, deep: bool) -> Callable[[Connection, Examination], None]:
    def check(connection: Connection, found: Examination) -> None:
        for index, table in INDEXED.items():
            if table not in found.counts:
                continue
            indexed = _number(connection, sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(index)))
            wrong = abs(indexed - found.counts[table]) or (_strangers(connection, index, table) if deep else 0)
            if wrong:
                found.problem("index", f"The index of words disagrees with {table} in {wrong} rows: search is wrong.")

    return check


def _strangers(connection: Connection, index: str, table: str) -> int:
    """How many rows are not indexed, or indexed and not there."""
    statement = sql.SQL("SELECT count(*) FROM (SELECT seq FROM {} EXCEPT SELECT seq FROM {}) AS strangers")
    pairs = ((index, table), (table, index))
    return sum(_number(connection, statement.format(*map(sql.Identifier, pair))) for pair in pairs)


def _number(connection: Connection, statement: sql.SQL | sql.Composed) -> int:
    row = connection.execute(statement).fetchone()
    return int(row[0]) if row else 0
