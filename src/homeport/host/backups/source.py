"""The directory that is saved: the one that the running server has open, held against the declared one."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import psutil

from homeport.datalock import find_holder
from homeport.environments.environment import Environment
from homeport.errors import GuardError, HomeportError
from homeport.host.ports import find_port_holder


def live_source(environment: Environment) -> Path:
    """The data directory to save.

    The lock of the declared directory tells that a server has it open. A server on the declared port that has it not
    open writes somewhere else, and what the declaration names is not what is to be saved.

    Raises:
        GuardError: the server on the environment's port has other data open than the declared; both are named.
        HomeportError: the declared directory does not exist.
    """
    declared = Path(environment.data_directory)
    if not declared.is_dir():
        raise HomeportError(f"There is no data directory {declared} of {environment.name}.", "Is its disk mounted?")
    if find_holder(declared) is not None:
        return declared
    holder = find_port_holder(environment.http_port)
    if holder.pid is None:
        return declared
    written = _written_by(holder.pid)
    if not written or any(file.is_relative_to(declared.resolve()) for file in written):
        return declared
    elsewhere = [file for file in written if _is_data(file)]
    if not elsewhere:
        return declared
    raise GuardError(
        f"The server of {environment.name} has {elsewhere[0]} open, and {declared} is declared: nothing was saved.",
        "homeport doctor says more. Declare the directory that the server writes to, or restart it on the other.",
        declared=str(declared),
        open=[str(file) for file in elsewhere],
    )


def _written_by(pid: int) -> list[Path]:
    """The regular files that a process, or a child of it, has open for writing; none where this user may not see."""
    found: list[Path] = []
    try:
        process = psutil.Process(pid)
        for one in (process, *process.children(recursive=True)):
            found += [Path(file.path) for file in one.open_files() if file.mode != "r"]
    except (psutil.Error, OSError):
        pass
    return found


def _is_data(file: Path) -> bool:
    """Whether it is a database: logs are open for writing too, and are no data."""
    try:
        with file.open("rb") as stream:
            return stream.read(16) == b"SQLite format 3\0"
    except OSError:
        return False


def refuse_nesting(environment: Environment, source: Path, places: Iterable[Path]) -> None:
    """Makes sure that no backup goes into the data that it is of.

    Raises:
        GuardError: a place lies in the data directory, also by a symbolic link.
    """
    for place in places:
        if place.resolve().is_relative_to(source.resolve()):
            raise GuardError(
                f"{place} lies in the data directory of {environment.name}: backups of it do not go there.",
                "Declare another place: best one on another disk.",
            )
