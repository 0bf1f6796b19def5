"""How a data directory's database is opened: made, migrated, or refused."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from homeport.contract import DATABASE_FILE, IDENTITY_FILE
from homeport.datalock import is_migrating
from homeport.errors import CannotStartError
from homeport.identity import end_beginning, may_begin
from homeport.storage.migrations.revisions import HEAD
from homeport.storage.sql.database import Database
from homeport.storage.sqlite.database import DatabaseError, check_library, connect, damage_told
from homeport.storage.sqlite.faults import cannot_start
from homeport.storage.sqlite.migrating import migrate
from homeport.storage.sqlite.revisions import revision_of, schema_of
from homeport.storage.sqlite.store import SqliteStore

WAIT_MS: Final = 5000
"""How long opening waits for another process that holds the database."""

_BETWEEN: Final = 0.05
_CACHE_KIB: Final = 32_768
_HEADER: Final = b"SQLite format 3\x00"


async def open_store(data_directory: Path, *, beside_server: bool = False) -> SqliteStore:
    """Opens the store of a data directory, whose identity and lock are the caller's business.

    A missing database is made; one of an older schema is migrated, in one transaction. One of a newer schema is used as
    it is where its migrations say that this version can.

    Args:
        data_directory: where the database lies.
        beside_server: a server has it open: its schema is not touched, and must be current.

    Raises:
        CannotStartError: the file is no database, damaged, not writable, of a newer schema or not Homeport's; or it
            is missing or empty in a directory that had one.
    """
    path = data_directory / DATABASE_FILE
    database = await asyncio.to_thread(prepared, path, beside_server=beside_server)
    try:
        return SqliteStore(path, database, revision_of(database) or HEAD)
    except DatabaseError as error:
        database.close()
        raise cannot_start(error, path) from error


def prepared(path: Path, *, beside_server: bool = False) -> Database:
    """A connection for writing to a database of the current schema. It may take long.

    Raises:
        CannotStartError: see :func:`open_store`.
    """
    check_library()
    while is_migrating(path.parent):
        time.sleep(_BETWEEN)
    try:
        _check_file(path)
        with damage_told():
            database = connect(path, cache_kib=_CACHE_KIB, wait_ms=WAIT_MS)
        try:
            _bring_up(database, path, beside_server=beside_server)
        except BaseException:
            database.close()
            raise
        end_beginning(path.parent)
    except (DatabaseError, OSError) as error:
        raise cannot_start(error, path) from error
    return database


def _bring_up(database: Database, path: Path, *, beside_server: bool) -> None:
    """Sets the journal mode, migrates, and proves that the file can be written."""
    schema = schema_of(database)
    found = schema.revision
    if found is None and _has_tables(database):
        raise CannotStartError(
            f"{path} is a database, but not Homeport's.", "Give the environment a data directory of its own."
        )
    if found is None and not may_begin(path.parent):
        raise _lost(path, "is empty")
    if found is not None and not schema.is_usable:
        raise CannotStartError(
            f"{path} has schema {found}, which is newer than {HEAD}, the newest that this version knows.",
            "Start the version that wrote it, or a newer one.",
        )
    mode = database.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode is None or mode[0] != "wal":
        raise CannotStartError(f"{path} cannot have a write-ahead log.", "Keep the data on a local disk.")
    behind = found is None or bool(schema.pending)
    if behind and beside_server:
        raise CannotStartError(
            f"{path} has schema {found}, this version needs {HEAD}, and a running server has it open.",
            "Restart that server with this version first.",
        )
    if behind:
        migrate(path, wait_ms=WAIT_MS)
    database.execute("BEGIN IMMEDIATE")
    try:
        database.execute("UPDATE probe SET writes = writes")
    finally:
        with suppress(DatabaseError):
            database.execute("ROLLBACK")
    # From here on the loop's thread uses it, which may not wait.
    database.execute("PRAGMA busy_timeout = 0")


def _check_file(path: Path) -> None:
    """Refuses what is no database before SQLite touches it."""
    if not path.exists():
        if not may_begin(path.parent):
            raise _lost(path, "is missing")
        return
    with path.open("rb") as file:
        header = file.read(len(_HEADER))
    if header and header != _HEADER:
        raise CannotStartError(
            f"{path} is not a SQLite database.", "Restore the last backup, and keep this file aside."
        )


def _lost(path: Path, what: str) -> CannotStartError:
    return CannotStartError(
        f"{path} {what}, though {IDENTITY_FILE} beside it says that there were data: a new one would hide the loss.",
        f"Restore the last backup. To begin anew without the data, move what is in {path.parent} away first.",
        data_directory=str(path.parent),
    )


def _has_tables(database: Database) -> bool:
    return database.execute("SELECT 1 FROM sqlite_schema WHERE type = 'table' LIMIT 1").fetchone() is not None
