"""Finds the data that a release goes back with, where it cannot use those that are there."""

from __future__ import annotations

import stat
from collections.abc import Sequence
from pathlib import Path

from homeport.contract.losses import DataLoss
from homeport.environments.backups.record import Record
from homeport.environments.environment import Environment
from homeport.environments.releases.going_back import DataPoint
from homeport.environments.releases.release import Release
from homeport.errors import HomeportError
from homeport.host.backups.creating import Surroundings
from homeport.host.backups.target import demand_room
from homeport.host.data.seam import DataDescription
from homeport.host.owners import owner_of
from homeport.host.releases.rehearsing import facts_of
from homeport.host.releases.scripts import standing_of_release


def find_data_point(around: Surroundings, target: Release, program: Sequence[str]) -> DataPoint | None:
    """The newest backup that a release can use; None where it can use the data as they are.

    Args:
        around: what backups of the environment are made with.
        target: the release that is gone back to.
        program: what runs its ``homeport``.

    Raises:
        HomeportError: there is no such backup, or no room for what is in it.
    """
    environment = around.environment
    schema = _too_new(environment, target, program)
    if schema is None:
        return None
    record = _newest(around.shelf.readable_records()[0], target)
    if record is None or record.summary is None:
        raise HomeportError(
            f"{target.id} cannot use the data of {environment.name}, which have schema {schema}, and"
            " there is no backup from its time to go back to.",
            f"homeport backup list {environment.name} shows all; homeport releases says what else one can go back to.",
        )
    data = Path(environment.data_directory)
    demand_room(data.parent, 2 * record.summary.bytes, what=f"the backup {record.backup}, and a trial on a copy of it,")
    return DataPoint(
        backup=record.backup,
        position=record.summary.position,
        created=record.created,
        loss=_lost(around, record),
        mode=stat.S_IMODE(data.stat().st_mode),
        owner=owner_of(data),
    )


def _too_new(environment: Environment, target: Release, program: Sequence[str]) -> str | None:
    """The schema that the data have, where a release does not know it."""
    if environment.is_foreign:
        standing = standing_of_release(environment, target.id)
        return standing.schema if standing is not None and standing.newer else None
    if not Path(environment.identity_file).is_file():
        return None
    facts = facts_of(program, Path(environment.data_directory))
    newer = any(problem["code"] == "newer_schema" for problem in facts["problems"])
    return facts["schema_version"] if newer else None


def _newest(records: Sequence[Record], target: Release) -> Record | None:
    """The newest usable backup that was made under a release, or of data of its schema."""
    fitting = [
        record
        for record in records
        if record.is_usable
        and record.summary is not None
        and (record.summary.release == target.id or record.summary.schema_version == (target.schema or ""))
    ]
    return max(fitting, key=lambda record: record.created, default=None)


def _lost(around: Surroundings, record: Record) -> DataLoss | None:
    held = record.summary
    if held is None:
        return None
    description = DataDescription(
        held.application, held.identity, held.schema_version, held.counts, held.position, taken=record.created
    )
    try:
        return around.seam.lost_after(Path(around.environment.data_directory), description)
    except HomeportError:
        return None
