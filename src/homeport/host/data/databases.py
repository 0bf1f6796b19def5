"""SQLite databases of other programs: found by their header, copied by SQLite's own backup, counted."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from homeport.errors import HomeportError
from homeport.host.data.still import Patience, copy_still

_HEADER: Final = b"SQLite format 3\0"
_TABLES: Final = (
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!' ORDER BY name"
)
COMPANIONS: Final = ("-wal", "-shm", "-journal")
"""What SQLite keeps beside a database; its content is in the copy already."""


def is_database(file: Path) -> bool:
    """Whether a file begins as a SQLite database does."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return False
        return os.read(descriptor, len(_HEADER)) == _HEADER
    finally:
        os.close(descriptor)


def copy_database(source: Path, target: Path, patience: Patience) -> bool:
    """Copies a database with everything that is committed, while others write to it.

    A database that cannot be opened for reading alone, since its program was killed in the middle of a transaction, is
    copied with its journal, and the copy is brought in order.

    Returns:
        False for a file that SQLite does not take for a database, whatever its header; nothing is copied then.

    Raises:
        FileNotFoundError: it is gone.
        HomeportError: it stays locked, or it cannot be read or written; it is named.
    """
    import pysqlite3

    try:
        try:
            _backup(source, target, patience)
        except pysqlite3.OperationalError:
            _remove(target)
            _copy_with_journal(source, target, patience)
    except pysqlite3.DatabaseError:
        _remove(target)
        return False
    _settle(source, target)
    return True


def _backup(source: Path, target: Path, patience: Patience) -> None:
    with _opened(source, "ro", patience) as reading, _opened(target, "rwc", patience) as writing:
        # All pages in one step: a copy in several begins anew whenever somebody writes, and never ends.
        reading.backup(writing, pages=-1)


def _copy_with_journal(source: Path, target: Path, patience: Patience) -> None:
    names = [source, *(source.with_name(source.name + ending) for ending in ("-wal", "-journal"))]
    before = [_stand(name) for name in names]
    for name, stand in zip(names, before, strict=True):
        if stand is not None:
            copy_still(
                name, target.with_name(target.name + name.name.removeprefix(source.name)), patience, as_json=False
            )
    if [_stand(name) for name in names] != before:
        raise HomeportError(
            f"The database {str(source)!r} is locked by a program that writes it without a pause.",
            "Stop that program for as long as the backup takes.",
        )
    with _opened(target, "rw", patience) as writing:
        # Reading plays a journal back; closing brings a write-ahead log in.
        writing.execute("SELECT count(*) FROM sqlite_master").fetchall()


def _stand(file: Path) -> tuple[int, ...] | None:
    try:
        found = file.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _settle(source: Path, target: Path) -> None:
    """The copy alone is whole; it gets the modes and times of what it was copied from."""
    for ending in COMPANIONS:
        target.with_name(target.name + ending).unlink(missing_ok=True)
    found = source.stat()
    target.chmod(stat.S_IMODE(found.st_mode) & 0o777)
    os.utime(target, ns=(found.st_mtime_ns, found.st_mtime_ns))


def _remove(target: Path) -> None:
    for ending in ("", *COMPANIONS):
        target.with_name(target.name + ending).unlink(missing_ok=True)


def count_rows(file: Path) -> dict[str, int]:
    """Rows of each table of a copy, which nobody writes; none where it cannot be read. Leaves nothing beside it."""
    import pysqlite3

    try:
        with _opened(file, "ro&immutable=1", Patience()) as reading:
            tables = reading.execute(_TABLES).fetchall()
            return {
                name: reading.execute(f"SELECT count(*) FROM {quoted(name)}").fetchone()[0]  # noqa: S608 - quoted
                for (name,) in tables
            }
    except pysqlite3.DatabaseError:
        return {}


def quoted(name: str) -> str:
    """A name as SQL has it."""
    doubled = name.replace('"', '""')
    return f'"{doubled}"'


@contextmanager
def _opened(file: Path, mode: str, patience: Patience) -> Iterator[Any]:
    import pysqlite3

    address = f"file:{quote(os.fsencode(file))}?mode={mode}"
    with closing(pysqlite3.connect(address, uri=True, timeout=patience.seconds, isolation_level=None)) as connection:
        yield connection
