"""How a database and its server are, as the doctor asks: read only, and by whoever backs it up."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import psycopg

from homeport.contract.database import DatabaseState, DatabaseTable, DatabaseTransaction, Standby
from homeport.errors import HomeportError
from homeport.storage.dumps.cluster import Cluster, Connection
from homeport.storage.dumps.programs import find_program
from homeport.storage.dumps.scratch import kept_beside, left_over
from homeport.storage.dumps.servers import servers_of
from homeport.storage.postgres.connection import one_line
from homeport.storage.postgres.identity import identity_in, schema_of
from homeport.storage.postgres.outcomes import TABLE as COMMITS
from homeport.storage.postgres.proofs import KNOWN, TABLE

_MAJOR: Final = 10_000
_SERVER: Final = """
    SELECT current_setting('server_version'), pg_encoding_to_char(encoding), pg_is_in_recovery(),
        current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int,
        (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
        datconnlimit, (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()),
        pg_database_size(oid)
    FROM pg_database WHERE datname = current_database()
"""
_ROLE: Final = "SELECT rolname, rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user"
_OWNED: Final = """
    SELECT pg_has_role(datdba, 'USAGE') FROM pg_database WHERE datname = current_database()
"""
_STRANGE: Final = """
    SELECT relname FROM pg_class WHERE relnamespace = CAST(current_schema() AS REGNAMESPACE) AND relkind IN ('r', 'S')
        AND NOT pg_has_role(relowner, 'USAGE') ORDER BY relname LIMIT 20
"""
_TRANSACTIONS: Final = """
    SELECT pid, coalesce(usename, ''), coalesce(application_name, ''), coalesce(host(client_addr), 'this machine'),
        coalesce(state, ''), extract(epoch FROM now() - xact_start)::float8
    FROM pg_stat_activity
    WHERE datname = current_database() AND xact_start IS NOT NULL AND pid <> pg_backend_pid()
        AND backend_type = 'client backend'
    ORDER BY xact_start LIMIT 5
"""
# Without the one of which each transaction leaves a dead row, and which stays small all the same.
_TABLES: Final = f"""
    SELECT relname, n_live_tup, n_dead_tup, pg_total_relation_size(relid) FROM pg_stat_user_tables
    WHERE relname <> '{COMMITS}' ORDER BY n_dead_tup DESC LIMIT 5
"""  # noqa: S608 - made of a constant
_STANDBYS: Final = """
    SELECT coalesce(nullif(application_name, ''), 'a standby'), coalesce(host(client_addr), 'this machine'),
        coalesce(state, 'unknown'), pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)::float8,
        extract(epoch FROM replay_lag)::float8
    FROM pg_stat_replication ORDER BY 1
"""
_ARCHIVE: Final = """
    SELECT CASE WHEN last_failed_time > coalesce(last_archived_time, '-infinity') THEN last_failed_wal END
    FROM pg_stat_archiver
"""


def state_of(cluster: Cluster, home: str) -> DatabaseState:
    """What can be seen of a database; :attr:`DatabaseState.problem` says why it cannot be asked.

    Args:
        cluster: the database.
        home: see :func:`~homeport.storage.dumps.servers.servers_of`.
    """
    found = _nothing()
    try:
        with cluster.connected() as connection:
            _ask(connection, found)
            found["servers"] = servers_of(connection, cluster.name, home)
        with cluster.managed() as connection:
            found["left_over"] = left_over(connection, cluster.name)
            found["kept"] = kept_beside(connection, cluster.name)
    except HomeportError as error:
        found["problem"], found["remedy"] = error.sentence, error.hint
    except psycopg.Error as error:
        found["problem"] = one_line(error)
    return found


def _ask(connection: Connection, found: DatabaseState) -> None:
    row = _one(connection, _SERVER)
    found["version"], found["encoding"], found["standby"] = str(row[0]), str(row[1]), bool(row[2])
    found["connection_limit"], found["connections"] = int(row[3]), int(row[4])
    if int(row[5]) >= 0:
        found["database_limit"], found["database_connections"] = int(row[5]), int(row[6])
    found["bytes"] = int(row[7])
    found["major"] = connection.info.server_version // _MAJOR
    role = _one(connection, _ROLE)
    found["role"], found["may_create"] = str(role[0]), bool(role[1])
    found["owns_database"] = bool(_one(connection, _OWNED)[0])
    found["not_owned"] = [str(name) for (name,) in connection.execute(_STRANGE).fetchall()]
    identity = identity_in(connection)
    if identity is not None:
        found["environment"], found["identity"] = identity["environment"], identity["id"]
        schema = schema_of(connection)
        found["schema"], found["usable_from"] = schema.revision, schema.usable_from
        found["last_backup"] = _last_backup(connection)
    found["transactions"] = [
        DatabaseTransaction(pid=pid, user=user, program=program, address=address, state=state, seconds=seconds)
        for pid, user, program, address, state, seconds in connection.execute(_TRANSACTIONS).fetchall()
    ]
    found["tables"] = [
        DatabaseTable(name=name, live=live, dead=dead, bytes=size)
        for name, live, dead, size in connection.execute(_TABLES).fetchall()
    ]
    if not found["standby"]:
        found["standbys"] = [
            Standby(name=name, address=address, state=state, bytes=behind, seconds=seconds)
            for name, address, state, behind, seconds in connection.execute(_STANDBYS).fetchall()
        ]
    found["archive_failure"] = _one(connection, _ARCHIVE)[0]
    try:
        find_program("pg_dump", found["major"])
        find_program("pg_restore", found["major"])
    except HomeportError as error:
        found["programs"] = error.sentence


def _last_backup(connection: Connection) -> str | None:
    """What servers have said of backups; those before this version have said nothing."""
    if _one(connection, f"SELECT to_regclass('{TABLE}')")[0] is None:
        return None
    told = [str(backup) for _, backup, _, _ in connection.execute(KNOWN).fetchall() if backup is not None]
    return max(told, key=datetime.fromisoformat, default=None)


def _one(connection: Connection, statement: str) -> tuple[Any, ...]:
    row = connection.execute(statement.encode()).fetchone()
    if row is None:
        raise HomeportError("The database did not answer.")
    return row


def _nothing() -> DatabaseState:
    return DatabaseState(
        problem="",
        version="",
        major=0,
        encoding="",
        standby=False,
        bytes=0,
        role="",
        may_create=True,
        owns_database=True,
        not_owned=[],
        programs="",
        environment=None,
        identity=None,
        schema=None,
        usable_from=0,
        servers=[],
        connections=0,
        connection_limit=0,
        database_connections=0,
        database_limit=None,
        transactions=[],
        tables=[],
        standbys=[],
        archive_failure=None,
        left_over=[],
        kept=[],
    )
