"""The histories in a replica: which there are, which is the current one, and what became of them."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from homeport.contract import SNAPSHOT_FILE
from homeport.environments.backups.replication import (
    Generation,
    Point,
    generation_name,
    generation_text,
    newest_point,
    outdated,
    parse_generation,
)
from homeport.environments.environment import Environment
from homeport.errors import HomeportError
from homeport.files import sync_directory, write_atomically
from homeport.host.archives.tree import remove_tree
from homeport.host.replication.litestream import points_of
from homeport.identity import read_identity

FILE_NAME: Final = "generation.json"
CURRENT: Final = "current"
"""Names the generation that the database belongs to; gone once the data were exchanged."""


def replica_of(environment: Environment) -> Path:
    """Where the replica of an environment lies.

    Raises:
        HomeportError: none is declared, or the declared directory is not there.
    """
    directory = environment.replica_directory
    if directory is None:
        raise HomeportError(
            f"No replica of {environment.name} is declared.", "continuous in its backup table names its directory."
        )
    if not Path(directory.parent).is_dir():
        # Made by us it might lie on the data's own disk, where another disk is not mounted.
        raise HomeportError(f"There is no directory {directory.parent} for the replica.", "Is its disk mounted?")
    return Path(directory)


def file_of(environment: Environment) -> tuple[int, int] | None:
    """Device and inode of the database; None where there is none, or nobody says whose it is."""
    try:
        found = os.stat(environment.database_file)  # noqa: PTH116 - two numbers of it
    except OSError:
        return None
    return (found.st_dev, found.st_ino) if Path(environment.identity_file).is_file() else None


def generations_in(replica: Path) -> list[Generation]:
    """All histories that can be understood, the oldest first."""
    found = []
    for directory in sorted(replica.iterdir()) if replica.is_dir() else ():
        file = directory / FILE_NAME
        try:
            found.append(parse_generation(file.read_text(encoding="utf-8"), str(file)))
        except (OSError, HomeportError, UnicodeDecodeError):
            # What is no generation of ours is left alone.
            continue
    return sorted(found, key=lambda one: (one.began, one.name))


def current_generation(environment: Environment, replica: Path, now: datetime) -> Generation:
    """The history of the database that lies there now: the last one, or a new one.

    Raises:
        HomeportError: the data do not say whose they are.
    """
    state, file = Path(environment.replication_directory), file_of(environment)
    identity = read_identity(Path(environment.data_directory))
    if file is None or identity is None:
        raise HomeportError(f"{environment.name} holds no data yet.")
    known = generations_in(replica)
    name = _named(state / CURRENT)
    for one in known:
        if (one.name, one.file, one.identity["id"], one.ended) == (name, file, identity["id"], None):
            return one
    new = Generation(
        name=generation_name(now, [one.name for one in known]),
        identity=identity,
        origin=_origin(environment),
        file=file,
    )
    directory = replica / new.name
    directory.mkdir(mode=0o700)
    write_generation(replica, new)
    sync_directory(replica)
    write_atomically(state / CURRENT, new.name + "\n", mode=0o600)
    return new


def write_generation(replica: Path, generation: Generation) -> None:
    """Puts down what is known of a history."""
    write_atomically(replica / generation.name / FILE_NAME, generation_text(generation), mode=0o600)


def forget_current(environment: Environment) -> None:
    """The data were exchanged: whatever lies there now has a history of its own."""
    (Path(environment.replication_directory) / CURRENT).unlink(missing_ok=True)


def all_points(program: Path, replica: Path) -> list[Point]:
    """Every moment of every history."""
    return [point for one in generations_in(replica) for point in points_of(program, replica / one.name, one)]


def drop_outdated(program: Path, replica: Path, current: str, now: datetime, hours: int) -> list[str]:
    """Removes the histories that are older than what is kept; the current one stays.

    Returns:
        Their names.
    """
    others: Sequence[Generation] = [one for one in generations_in(replica) if one.name != current]
    dated = []
    for one in others:
        newest = newest_point(points_of(program, replica / one.name, one))
        dated.append((one, newest.at if newest is not None else None))
    gone = outdated(dated, now, hours)
    for name in gone:
        remove_tree(replica / name)
    return gone


def _named(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def _origin(environment: Environment) -> dict[str, object] | None:
    file = Path(environment.data_directory) / SNAPSHOT_FILE
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
