"""Runs migrations on a scratch database, and counts what they changed."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import psycopg
from psycopg import sql

from homeport.errors import CannotStartError, HomeportError, MigrationError
from homeport.storage.dumps.cluster import Cluster, Connection, told
from homeport.storage.dumps.examining import tables_of
from homeport.storage.migrations.revisions import HEAD
from homeport.storage.postgres.faults import cannot_start
from homeport.storage.postgres.identity import schema_of
from homeport.storage.postgres.migrating import migrate
from homeport.storage.snapshots.upgrading import Upgrade

_BEFORE: Final = sql.Identifier("homeport_before")
_COLUMNS: Final = """
    SELECT column_name FROM information_schema.columns WHERE table_schema = %s AND table_name = %s
    AND is_generated = 'NEVER' ORDER BY ordinal_position
"""


def upgrade(cluster: Cluster, clock: Callable[[], float] = time.monotonic) -> Upgrade:
    """Brings a scratch database to the newest schema.

    Raises:
        CannotStartError: its schema is newer than this version, or not Homeport's.
        HomeportError: a migration failed, and the database is as it was; or there is no room for the copy that it is
            compared with, or the server did not let it.
    """
    with cluster.connected() as connection, told(f"The copy {cluster.name} cannot be migrated"):
        found = schema_of(connection)
        if not found.is_usable:
            raise CannotStartError(
                f"{cluster.name} has schema {found.revision or 'none'}, which this version does not know; it knows up"
                f" to {HEAD}.",
                "Use the version that wrote it, or a newer one.",
            )
        result = Upgrade(found.revision or "", list(found.pending))
        if not result.ran:
            return result
        _keep(connection)
        try:
            began = clock()
            migrate_database(cluster)
            result.seconds = clock() - began
            result.rows = _compared(connection)
        finally:
            connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(_BEFORE))
        connection.execute("ANALYZE")
    return result


def migrate_database(cluster: Cluster, revision: str = HEAD) -> None:
    """Runs what is pending on a database until a revision, in one transaction.

    Raises:
        HomeportError: a migration failed, or the server did not let it; the database is as it was.
    """
    try:
        migrate(cluster.address, revision=revision)
    except MigrationError as error:
        raise HomeportError(error.sentence, error.hint, **error.details) from error
    except psycopg.Error as error:
        fault = cannot_start(error, cluster.shown)
        sentence = f"The migrations of {cluster.shown} failed, and it is as it was: {fault.sentence}"
        raise HomeportError(sentence, fault.hint) from error


def _keep(connection: Connection) -> None:
    """Keeps every row as it was, in a schema of its own."""
    connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(_BEFORE))
    connection.execute(sql.SQL("CREATE SCHEMA {}").format(_BEFORE))
    for table in tables_of(connection):
        name = sql.Identifier(table)
        connection.execute(sql.SQL("CREATE TABLE {}.{} AS TABLE {}").format(_BEFORE, name, name))


def _compared(connection: Connection) -> dict[str, int]:
    counted = {table: _differences(connection, table) for table in tables_of(connection)}
    return {table: count for table, count in counted.items() if count}


def _differences(connection: Connection, table: str) -> int:
    """Rows that are not the same on both sides; one that was changed counts once."""
    name = sql.Identifier(table)
    old = _columns(connection, "homeport_before", table)
    if not old:
        return _number(connection, sql.SQL("SELECT count(*) FROM {}").format(name))
    now = connection.execute("SELECT current_schema()").fetchone()
    both = [column for column in _columns(connection, str(now[0]) if now else "public", table) if column in old]
    listed = sql.SQL(", ").join(map(sql.Identifier, both))
    sides = (
        sql.SQL("SELECT {} FROM {}").format(listed, name),
        sql.SQL("SELECT {} FROM {}.{}").format(listed, _BEFORE, name),
    )
    pairs = (sides, sides[::-1])
    statement = sql.SQL("SELECT count(*) FROM ({} EXCEPT {}) AS differences")
    return max(_number(connection, statement.format(*pair)) for pair in pairs)


def _columns(connection: Connection, schema: str, table: str) -> list[str]:
    return [name for (name,) in connection.execute(_COLUMNS, (schema, table)).fetchall()]


def _number(connection: Connection, statement: sql.Composed) -> int:
    row = connection.execute(statement).fetchone()
    return int(row[0]) if row else 0
