"""How much room the disk has for a store."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from homeport.errors import UnavailableError

LEAST_ROOM: Final = 4 * 1024 * 1024
"""Bytes that the largest call may need, with its index, its remembered answer and the log of all three."""


def room_for(path: Path) -> int:
    """Bytes that may still be written beside a file; all there could be where nobody can say."""
    try:
        return shutil.disk_usage(path.parent).free
    except OSError:
        return LEAST_ROOM


def check_room(path: Path) -> None:
    """Makes sure that the next call finds room: one small write that succeeds does not prove it.

    SQLite writes into the part of its log that it has already, so a row may fit where no message does.

    Raises:
        UnavailableError: there is less than :data:`LEAST_ROOM`.
    """
    left = room_for(path)
    if left < LEAST_ROOM:
        raise UnavailableError(
            f"There is hardly room left for {path}: the disk is full but for {left} bytes.",
            "Free space. Until then calls that write may be refused; the server goes on by itself.",
        )


def size_of(path: Path) -> int | None:
    """Bytes of a database and its log; None where they cannot be seen."""
    total = 0
    for one in (path, path.with_name(f"{path.name}-wal")):
        try:
            total += one.stat().st_size
        except FileNotFoundError:
            continue
        except OSError:
            return None
    return total
