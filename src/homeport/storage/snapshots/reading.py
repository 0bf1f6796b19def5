"""A database opened so that it is not changed by being looked at."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from pysqlite3 import dbapi2

from homeport.storage.sql.database import Database
from homeport.storage.sqlite.database import DatabaseError, damage_told

WAIT_SECONDS: Final = 5.0
"""How long a reader waits for a process that recovers the write-ahead log."""


@contextmanager
def open_for_reading(path: Path, *, frozen: bool = False) -> Iterator[Database]:
    """A connection that reads the newest committed state, and cannot write.

    Args:
        path: the file.
        frozen: nobody writes to it, as to a snapshot. Nothing is then written beside it either, so it may lie on a
            medium that is read-only; else SQLite keeps its index of the write-ahead log there.

    Raises:
        DatabaseError: it cannot be opened, or is no database.
    """
    database = _connected(path, frozen=frozen)
    try:
        yield database
    finally:
        database.close()


def _connected(path: Path, *, frozen: bool) -> Database:
    address = f"{path.absolute().as_uri()}?mode=ro{'&immutable=1' if frozen else ''}"
    connection = dbapi2.connect(address, uri=True, timeout=WAIT_SECONDS, isolation_level=None, check_same_thread=False)
    # A damaged file may hold any bytes, also where SQLite says what is wrong with it.
    connection.text_factory = lambda text: text.decode("utf-8", "replace")
    database: Database = connection
    try:
        with damage_told():
            database.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except DatabaseError:
        database.close()
        raise
    return database


def has_log(path: Path) -> bool:
    """Whether a write-ahead log lies beside a database and holds something."""
    try:
        return path.with_name(f"{path.name}-wal").stat().st_size > 0
    except FileNotFoundError:
        return False
