"""A directory of plain files and directories, as it is on the disk."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from homeport.environments.backups.manifest import MOST_MODE
from homeport.environments.backups.paths import order_key, why_unsafe
from homeport.errors import HomeportError


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """One file or directory below the top."""

    path: str
    is_directory: bool
    size: int
    mode: int
    mtime: int
    """Seconds since 1970, never before."""


def entry_of(path: str, found: os.stat_result) -> TreeEntry:
    """What a ``stat`` says, as far as an archive keeps it."""
    is_directory = stat.S_ISDIR(found.st_mode)
    mtime = min(max(0, int(found.st_mtime)), 8**11 - 1)
    return TreeEntry(path, is_directory, 0 if is_directory else found.st_size, found.st_mode & MOST_MODE, mtime)


def read_tree(top: Path) -> list[TreeEntry]:
    """All that is below ``top``, in the order of an archive.

    Raises:
        HomeportError: there is a link, a socket or a device, a path that cannot be restored, or it cannot be read.
    """
    try:
        return sorted(_walk(top, ""), key=lambda entry: order_key(entry.path))
    except OSError as error:
        raise HomeportError(f"{error.filename!r} cannot be read: {error.strerror}.") from None


def _walk(directory: Path, path: str) -> Iterator[TreeEntry]:
    with os.scandir(directory) as found:
        names = [entry.name for entry in found]
    for name in names:
        below = f"{path}/{name}" if path else name
        status = (directory / name).lstat()
        if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
            raise HomeportError(
                f"{below!r} in {directory} is neither a file nor a directory; a snapshot has no others."
            )
        if reason := why_unsafe(below):
            raise HomeportError(f"{below!r} in {directory} {reason}; no backup can hold it.")
        yield entry_of(below, status)
        if stat.S_ISDIR(status.st_mode):
            yield from _walk(directory / name, below)


def remove_tree(top: Path) -> None:
    """Removes what we have made, also where a directory in it may not be written."""
    for directory, _, _ in os.walk(top):
        Path(directory).chmod(0o700)
    shutil.rmtree(top)
