"""What is looked at before a release is built."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from homeport.environments.environment import Environment
from homeport.errors import HomeportError

_ROOM: Final = 512 << 20
"""Bytes that a release and a copy of small data need at most."""


def check_room(environment: Environment) -> None:
    """Refuses to begin where the disk would get full: a release, a copy for the rehearsal and a backup are written.

    Raises:
        HomeportError: there is too little room.
    """
    data = Path(environment.data_directory)
    size = sum(path.stat().st_size for path in data.rglob("*") if path.is_file()) if data.is_dir() else 0
    place = next(path for path in (Path(environment.directory), *Path(environment.directory).parents) if path.exists())
    free, needed = shutil.disk_usage(place).free, _ROOM + 3 * size
    if free < needed:
        raise HomeportError(
            f"{place} has room for {free >> 20} MiB, and a deploy may need {needed >> 20}.",
            "Make room first; homeport backup prune removes what the rules do not keep.",
        )
