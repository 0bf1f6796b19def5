"""A connection to a SQLite file, set up the one way that keeps what was acknowledged.

The library is ``pysqlite3``: versions before 3.51.3 can corrupt a database in WAL mode that several connections
write and checkpoint, and the standard library brings whatever the machine has.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from pysqlite3 import dbapi2

from homeport.errors import CannotStartError
from homeport.storage.sql.database import Database

OLDEST: Final = (3, 51, 3)

JOURNAL_LIMIT: Final = 64 * 1024 * 1024
"""Bytes that the write-ahead log keeps on the disk after a checkpoint."""
CHECKPOINT_PAGES: Final = 2000
"""The log is copied into the database whenever it has this many pages (8 MB)."""

DatabaseError = dbapi2.Error
"""What the library raises, with ``sqlite_errorcode`` and ``sqlite_errorname`` where SQLite gave one."""


def check_library(version: tuple[int, ...] = tuple(dbapi2.sqlite_version_info)) -> None:
    """Refuses a SQLite that can corrupt what it writes.

    Raises:
        CannotStartError: it is older than :data:`OLDEST`.
    """
    if version < OLDEST:
        raise CannotStartError(
            f"SQLite {'.'.join(map(str, version))} can corrupt a database that several connections write;"
            f" {'.'.join(map(str, OLDEST))} or newer is needed.",
            "Install the locked dependencies: pysqlite3 brings its own SQLite.",
        )


@contextmanager
def damage_told() -> Iterator[None]:
    """Makes the library's failure to read what SQLite says of a damaged file into the error that it is.

    Raises:
        DatabaseError: a name within the file, which SQLite repeats in what it says, is not UTF-8.
    """
    try:
        yield
    except UnicodeDecodeError as error:
        damaged = dbapi2.DatabaseError("malformed database schema: a name in it is not UTF-8")
        damaged.sqlite_errorcode = dbapi2.SQLITE_CORRUPT
        damaged.sqlite_errorname = "SQLITE_CORRUPT"
        raise damaged from error


def connect(path: Path, *, cache_kib: int, readonly: bool = False, wait_ms: int = 0) -> Database:
    """Opens a connection that any thread may use, one at a time.

    Args:
        path: the file, which is created where it is missing unless ``readonly``.
        cache_kib: at most this much memory for pages.
        readonly: refuse statements that write.
        wait_ms: how long a statement waits for other processes, while it holds the thread up.

    Raises:
        DatabaseError: it cannot be opened, or is no database.
    """
    database: Database = dbapi2.connect(
        str(path), timeout=wait_ms / 1000, isolation_level=None, check_same_thread=False, cached_statements=512
    )
    try:
        for pragma in (
            "synchronous = FULL",
            "foreign_keys = ON",
            f"cache_size = -{cache_kib}",
            f"journal_size_limit = {JOURNAL_LIMIT}",
            f"wal_autocheckpoint = {CHECKPOINT_PAGES}",
            f"query_only = {'ON' if readonly else 'OFF'}",
        ):
            database.execute(f"PRAGMA {pragma}")
        # The first statement that reads the file: what is no database is noticed here.
        database.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except BaseException:
        database.close()
        raise
    return database
