"""Migrates a SQLite file, in one transaction: it is of the old schema or of the new one, also after a crash."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pysqlite3 import dbapi2

from homeport.storage.migrations import running
from homeport.storage.migrations.revisions import HEAD
from homeport.storage.sqlite.faults import primary_code

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine


def engine(path: Path, *, wait_ms: int = 0) -> Engine:
    """An engine on a database file, whose transactions begin with the right to write."""
    from sqlalchemy import create_engine, event
    from sqlalchemy.pool import NullPool

    def connected() -> Any:  # noqa: ANN401 - the driver has no types
        # In autocommit mode: the driver would else end a transaction before statements that change the schema.
        return dbapi2.connect(str(path), timeout=wait_ms / 1000, isolation_level=None)

    made = create_engine("sqlite://", module=dbapi2, creator=connected, poolclass=NullPool)

    @event.listens_for(made, "begin")
    def begin(connection: Any) -> None:  # noqa: ANN401 - as above
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return made


def migrate(path: Path, *, revision: str = HEAD, wait_ms: int = 0) -> None:
    """Brings a database to a revision, and keeps it only where every migration that ran finds it as it must be.

    Raises:
        DatabaseError: the disk, the file or a lock did not let it; the database is as it was.
        MigrationError: a migration failed, or what it left is not right; the database is as it was.
    """

    def stamp(connection: Connection) -> None:
        connection.exec_driver_sql(f"PRAGMA user_version = {running.usable_from(revision)}")

    made = engine(path, wait_ms=wait_ms)
    try:
        running.upgrade(made, revision, str(path), is_outer, finish=stamp)
    finally:
        made.dispose()


def is_outer(error: BaseException) -> bool:
    """Whether disk, file or lock are the cause, and not what the statement says."""
    if not isinstance(error, dbapi2.Error):
        return False
    return primary_code(error) not in (0, dbapi2.SQLITE_ERROR, dbapi2.SQLITE_CONSTRAINT, dbapi2.SQLITE_MISMATCH)
