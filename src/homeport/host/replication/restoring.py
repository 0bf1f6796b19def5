"""Data of one moment, made from the replica; and the exchange of data, of which Litestream must know."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from homeport.contract import DATABASE_FILE, SNAPSHOT_FILE
from homeport.environments.backups.data_steps import DATA, UnpackReplica
from homeport.environments.backups.replication import Generation, Point, newest_point
from homeport.environments.environment import Environment
from homeport.environments.steps import Rename, Step
from homeport.errors import GuardError, HomeportError
from homeport.files import sync_directory, write_atomically
from homeport.host.backups.creating import Surroundings
from homeport.host.data.seam import DataDescription
from homeport.host.hands import Hands
from homeport.host.hands.files import Renamer
from homeport.host.replication.generations import all_points, generations_in, replica_of
from homeport.host.replication.holding import replication_held
from homeport.host.replication.litestream import find_litestream, restore_point
from homeport.identity import write_identity


def find_point(environment: Environment, until: datetime | None) -> Point | None:
    """The newest moment in the replica that is not after ``until``; None where there is none that old.

    Raises:
        CannotStartError: there is no litestream.
        HomeportError: the replica cannot be read.
    """
    return newest_point(all_points(find_litestream(environment), replica_of(environment)), until)


def unpack_point(environment: Environment, point: Point, into: Path) -> Generation:
    """Makes a data directory of one moment; its identity is written last.

    Args:
        environment: whose replica.
        point: which moment.
        into: must not exist, or be empty.

    Raises:
        HomeportError: the replica does not give it back.
    """
    program, replica = find_litestream(environment), replica_of(environment)
    generation = next((one for one in generations_in(replica) if one.name == point.generation), None)
    if generation is None:
        raise HomeportError(f"There is no history {point.generation} in {replica}.")
    into.mkdir(mode=0o700, exist_ok=True)
    restore_point(program, replica / generation.name, into / DATABASE_FILE, point.txid)
    (into / DATABASE_FILE).chmod(0o600)
    if generation.origin is not None:
        write_atomically(into / SNAPSHOT_FILE, json.dumps(generation.origin, indent=2) + "\n")
    write_identity(into, generation.identity)
    sync_directory(into)
    return generation


def examine_point(around: Surroundings, point: Point, into: Path) -> DataDescription:
    """Makes data of one moment, and looks at every row.

    Raises:
        GuardError: they are another environment's, or newer than the release.
        HomeportError: they cannot be made, or are not sound.
    """
    generation = unpack_point(around.environment, point, into)
    name = around.environment.name
    if generation.identity["environment"] != name:
        raise GuardError(f"{point.generation} is a history of {generation.identity['environment']}, not of {name}.")
    around.progress("examining", 0)
    found = around.seam.examine(into)
    if found.too_new:
        raise GuardError(
            f"The replica has the schema {found.schema_version}, which the release that runs does not know.",
            "Deploy a release that knows it first, or restore an older moment.",
        )
    if found.problems:
        raise HomeportError(
            f"What the replica gives back is not sound: {found.problems[0]}.", "Name a backup: homeport backup list."
        )
    return found


class ReplicaUnpacker:
    """:class:`UnpackReplica`."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around

    def inverse(self, step: UnpackReplica) -> tuple[Step, ...]:
        return ()

    def apply(self, step: UnpackReplica) -> Mapping[str, Any]:
        self._around.progress("restoring from the replica", 0)
        point = Point(step.generation, step.txid, datetime.fromisoformat(step.at))
        found = examine_point(self._around, point, Path(step.work) / DATA)
        return {"position": found.position, "pending": list(found.pending)}


class DataRenamer(Renamer):
    """:class:`Rename`; where it is of the data directory, no Litestream has the database open meanwhile."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment

    def apply(self, step: Rename) -> None:
        data = Path(self._environment.data_directory)
        if self._environment.replica_directory is None or not _concerns(step, data):
            super().apply(step)
            return
        with replication_held(self._environment):
            super().apply(step)


def _concerns(step: Rename, data: Path) -> bool:
    real = data.resolve()
    return any(Path(one) in (data, real) for one in (step.source, step.target))


def replica_hands(around: Surroundings) -> Hands:
    """What restores from the replica, and keeps it apart from exchanges."""
    return {UnpackReplica: ReplicaUnpacker(around), Rename: DataRenamer(around.environment)}
