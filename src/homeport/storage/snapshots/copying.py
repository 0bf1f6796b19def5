"""A consistent copy of a database while others write to it.

SQLite's backup interface, all pages in one step: it reads the newest committed state, holds no writer of a write-ahead
log up, and ends whatever is written meanwhile. (In several steps it begins anew whenever somebody wrote.)
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any, Final

from pysqlite3 import dbapi2

from homeport.errors import HomeportError
from homeport.files import sync_directory
from homeport.storage.snapshots.reading import has_log, open_for_reading
from homeport.storage.sql.database import Database
from homeport.storage.sqlite.database import DatabaseError, check_library
from homeport.storage.sqlite.faults import cannot_start, primary_code
from homeport.storage.sqlite.room import LEAST_ROOM

MODE: Final = 0o600
_PARTIAL: Final = ".partial"
_CANNOT_INDEX_LOG: Final = frozenset({dbapi2.SQLITE_CANTOPEN, dbapi2.SQLITE_READONLY})
_OF_SOURCE: Final = frozenset({dbapi2.SQLITE_CORRUPT, dbapi2.SQLITE_NOTADB})


def copy_database(source: Path, target: Path) -> None:
    """Copies a database to a new file, which is on the disk when this returns.

    Under the name of ``target`` there is all of it or nothing.

    Raises:
        CannotStartError: the source cannot be read as a database.
        HomeportError: there is no room for the target, or it cannot be written.
    """
    check_library()
    check_room(source, target.parent)
    partial = target.with_name(f"{target.name}{_PARTIAL}")
    try:
        os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, MODE))
        _copied(source, partial)
        sync_file(partial)
        partial.rename(target)
        sync_directory(target.parent)
    except OSError as error:
        raise HomeportError(f"{target} cannot be written: {error.strerror}.", "Look at its disk.") from error


def check_room(source: Path, directory: Path) -> None:
    """A copy must not fill the disk: it may be the one that the server writes to.

    Raises:
        HomeportError: there is less room than a copy of the source takes.
    """
    needed = sum(one.stat().st_size for one in (source, source.with_name(f"{source.name}-wal")) if one.exists())
    free = shutil.disk_usage(directory).free
    if free < needed + LEAST_ROOM:
        raise HomeportError(
            f"There is no room for a copy of {source} in {directory}: it may take {needed} bytes, and {free} are free.",
            "Free space there, or name another place.",
            needed=needed + LEAST_ROOM,
            free=free,
        )


def sync_file(path: Path) -> None:
    """Brings a file that is closed to the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _copied(source: Path, target: Path) -> None:
    try:
        try:
            with open_for_reading(source) as origin:
                _backup(origin, target)
        except DatabaseError as error:
            if primary_code(error) not in _CANNOT_INDEX_LOG or has_log(source):
                raise
            # On a medium that is read-only, and with no log beside it: nobody can be writing.
            with open_for_reading(source, frozen=True) as origin:
                _backup(origin, target)
    except DatabaseError as error:
        raise cannot_start(error, source) from error


def _backup(origin: Any, target: Path) -> None:  # noqa: ANN401 - the driver has no types
    copy: Database = dbapi2.connect(str(target), isolation_level=None)
    try:
        # What is half written when it ends is thrown away, and what is whole is brought to the disk afterwards.
        copy.execute("PRAGMA journal_mode = OFF")
        copy.execute("PRAGMA synchronous = OFF")
        origin.backup(copy, pages=-1)
    except DatabaseError as error:
        if primary_code(error) in _OF_SOURCE:
            raise
        raise _unwritten(error, target) from error
    finally:
        copy.close()


def _unwritten(error: DatabaseError, target: Path) -> HomeportError:
    name = getattr(error, "sqlite_errorname", "SQLITE_ERROR")
    if primary_code(error) == dbapi2.SQLITE_FULL or shutil.disk_usage(target.parent).free < LEAST_ROOM:
        return HomeportError(f"There is no room left for {target}.", "Free space there, or name another place.")
    return HomeportError(f"The copy to {target} failed ({name}: {error}).", "Look at the disks of both.")
