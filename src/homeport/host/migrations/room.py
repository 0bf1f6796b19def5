"""Whether the disks have room for what a migration makes."""

from __future__ import annotations

from pathlib import Path

from homeport.environments.environment import Environment
from homeport.host.backups.target import bytes_below, demand_room

_COPIES = 2
"""Beside the data: the copy that is migrated, and the one that it is compared with."""


def check_room(environment: Environment, backups: Path) -> None:
    """Refuses to begin where a disk would get full.

    Raises:
        HomeportError: one would; both numbers are named.
    """
    data = Path(environment.data_directory).resolve()
    size = bytes_below(data)
    together = backups.stat().st_dev == data.parent.stat().st_dev
    demand_room(data.parent, (_COPIES + together) * size, what="a migration on a copy, with a backup,")
    if not together:
        demand_room(backups, size, what="a safety backup")
