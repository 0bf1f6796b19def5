"""Looks at the data directory that a restore or a sync is about to exchange."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path, PurePosixPath

from homeport.datalock import find_holder
from homeport.environments.backups.plans import Target
from homeport.environments.environment import Environment
from homeport.environments.services.state import ServiceState
from homeport.errors import CannotStartError, GuardError, HomeportError
from homeport.host.backups.creating import Surroundings
from homeport.host.owners import owner_of
from homeport.host.services.service import ServiceManager
from homeport.identity import read_identity

_PRIVATE = 0o700


def look_at_target(around: Surroundings, manager: ServiceManager, stamp: str) -> Target:
    """What is there, and how its server is.

    Args:
        around: of the environment.
        manager: who runs its server.
        stamp: names what will be made beside it.

    Raises:
        GuardError: the data are another environment's, somebody has them open whom the manager does not run, or the
            directory is a mount point, which cannot be exchanged.
        HomeportError: what it would lie in does not exist.
    """
    environment = around.environment
    data = Path(environment.data_directory).resolve()
    if not data.parent.is_dir():
        raise HomeportError(f"There is no {data.parent} for the data of {environment.name}.", "Is its disk mounted?")
    if os.path.ismount(data):
        raise GuardError(
            f"{data} is a mount point, which cannot be exchanged.",
            "Declare a directory below it, as data, and move the data there.",
        )
    exists = data.is_dir()
    if not environment.is_foreign:
        _check_identity(environment, data)
    state = manager.state(environment)
    _check_nobody_else(environment, data, state)
    found = (data if exists else data.parent).stat()
    holds = exists and any(data.iterdir())
    return Target(
        environment=environment.name,
        data=PurePosixPath(data),
        stamp=stamp,
        exists=exists,
        holds=holds,
        sound=not holds or _is_sound(around, data),
        running=_should_run(state),
        mode=stat.S_IMODE(found.st_mode) if exists else _PRIVATE,
        owner=owner_of(data if exists else data.parent),
        database=environment.database is not None,
    )


def demand_room(directory: Path, needed: int, *, what: str) -> None:
    """Makes sure that so many bytes fit below a directory.

    Raises:
        HomeportError: they do not; both numbers are named.
    """
    free = shutil.disk_usage(directory).free
    if needed > free:
        raise HomeportError(f"{directory} has room for {free} bytes, and {what} needs {needed}.", "Make room first.")


def bytes_below(directory: Path) -> int:
    """Of all files below a directory that can be seen."""
    return sum(
        (Path(top) / name).lstat().st_size
        for top, _, names in os.walk(directory)
        for name in names
        if (Path(top) / name).exists()
    )


def _check_identity(environment: Environment, data: Path) -> None:
    try:
        identity = read_identity(data)
    except CannotStartError:
        # Broken data are what a restore is for.
        return
    if identity is not None and identity["environment"] != environment.name:
        raise GuardError(
            f"{data} holds data of {identity['environment']}, not of {environment.name}: nothing was changed.",
            f"Declare another data directory for {environment.name}: no two environments share data.",
        )


def _check_nobody_else(environment: Environment, data: Path, state: ServiceState) -> None:
    holder = find_holder(data) if data.is_dir() else None
    stranger = str(holder) if holder is not None and holder.pid not in state.pids else None
    if stranger is None and state.unmanaged is not None:
        stranger = str(state.unmanaged)
    if stranger is not None:
        raise GuardError(
            f"{environment.name} is in use by {stranger}, which homeport stop does not end: nothing was changed.",
            "Stop it where it was started; a server that homeport start or systemd runs is stopped by itself.",
        )


def _should_run(state: ServiceState) -> bool:
    """Whether it runs, or has ended without being told to: then it is wanted."""
    return state.running or (state.last_end is not None and not state.last_end.is_clean)


def _is_sound(around: Surroundings, data: Path) -> bool:
    try:
        return not around.seam.examine(data, deep=False).problems
    except HomeportError:
        return False
