"""The last resort: data that cannot be copied as what they are, kept as the files that lie there."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path
from typing import Final

from homeport.contract import LOCK_FILE

_NOT_KEPT: Final = frozenset({LOCK_FILE, "lost+found"})


def copy_raw(source: Path, into: Path) -> list[str]:
    """Copies every regular file as it lies there, whatever is in it; while a server writes, it may be half of a change.

    Args:
        source: the data directory.
        into: must not exist.

    Returns:
        What could not be copied, in words.

    Raises:
        OSError: it cannot be written.
    """
    into.mkdir(mode=0o700)
    lost: list[str] = []

    def unreadable(error: OSError) -> None:
        lost.append(f"{error.filename!r} cannot be read: {error.strerror}")

    for top, directories, files in os.walk(source, onerror=unreadable):
        here = into / Path(top).relative_to(source)
        directories[:] = [name for name in directories if name not in _NOT_KEPT]
        for name in directories:
            if not (Path(top) / name).is_symlink():
                (here / name).mkdir(mode=0o700)
        for name in files:
            if name not in _NOT_KEPT:
                lost += _copied(Path(top) / name, here / name)
    return lost


def _copied(source: Path, target: Path) -> list[str]:
    try:
        if not stat.S_ISREG(source.lstat().st_mode):
            return [f"{str(source)!r} is no regular file"]
        with source.open("rb") as reading:
            found = os.fstat(reading.fileno())
            with target.open("xb") as writing:
                shutil.copyfileobj(reading, writing, 1 << 20)
        target.chmod(stat.S_IMODE(found.st_mode) & 0o777)
    except FileNotFoundError:
        return []
    except OSError as error:
        if error.filename != str(source) and not _cannot_be_read(source):
            raise
        target.unlink(missing_ok=True)
        return [f"{str(source)!r} cannot be read: {error.strerror}"]
    return []


def _cannot_be_read(file: Path) -> bool:
    """Whether reading is what fails: a disk that gives an error says not which of two files it is of."""
    try:
        with file.open("rb") as stream:
            while stream.read(1 << 20):
                pass
    except OSError:
        return True
    return False
