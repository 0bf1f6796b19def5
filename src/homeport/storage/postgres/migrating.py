"""Migrates a PostgreSQL database, in one transaction, in which nobody else writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import psycopg
from psycopg import errors

from homeport.contract import DatabaseAddress
from homeport.errors import HomeportError
from homeport.storage.migrations import running
from homeport.storage.migrations.revisions import HEAD
from homeport.storage.postgres.connection import NOTICE, Limits, connect, conninfo
from homeport.storage.postgres.locks import MIGRATING, WRITING
from homeport.whereabouts import named

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

_PATIENCE: Final = "SET LOCAL lock_timeout = '60s'"
"""For the works that are under way, and for what reads from a table that changes."""
_ASK: Final = f"SELECT NOT pg_try_advisory_xact_lock_shared({MIGRATING})"
_ASK_LIMITS: Final = Limits(statement=5)


def engine(address: DatabaseAddress) -> Engine:
    """An engine on a database, in whose transactions nobody else writes."""
    from sqlalchemy import create_engine, event
    from sqlalchemy.pool import NullPool

    made = create_engine(
        "postgresql+psycopg://", creator=lambda: psycopg.connect(conninfo(address)), poolclass=NullPool
    )

    @event.listens_for(made, "begin")
    def begin(connection: Any) -> None:  # noqa: ANN401 - as SQLAlchemy has it
        # With another default the tables would be seen as they were before the locks were waited for.
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
        connection.exec_driver_sql(NOTICE)
        connection.exec_driver_sql(_PATIENCE)
        for lock in (MIGRATING, WRITING):
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({lock})")

    return made


def migrate(address: DatabaseAddress, *, revision: str = HEAD) -> None:
    """Brings a database to a revision, and keeps it only where every migration that ran finds it as it must be.

    Raises:
        psycopg.Error: server, network or a lock did not let it; the database is as it was.
        MigrationError: a migration failed, or what it left is not right; the database is as it was.
    """

    def stamp(connection: Connection) -> None:
        oldest = running.usable_from(revision)
        connection.exec_driver_sql("UPDATE homeport_identity SET usable_from = %s", (oldest,))

    made = engine(address)
    try:
        running.upgrade(made, revision, named(address), is_outer, finish=stamp)
    finally:
        made.dispose()


def is_migrating(address: DatabaseAddress) -> bool:
    """Whether somebody migrates a database now, be it on whatever machine; False where it cannot be asked."""
    try:
        with connect(address, _ASK_LIMITS) as connection:
            [(found,)] = connection.execute(_ASK).fetchall()
    except (psycopg.Error, HomeportError):
        return False
    return bool(found)


def is_outer(error: BaseException) -> bool:
    """Whether server, network or a lock are the cause, and not what the statement says."""
    return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError | errors.InsufficientPrivilege)
