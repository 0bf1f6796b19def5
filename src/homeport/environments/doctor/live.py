"""Where an environment's data really are: told by the process that serves it, not by the declaration.

docs/incident.md: the declared directory, the unit's, the backup's and the server's were four opinions; only the
server's counts, since it is where the next write goes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

from homeport.environments.doctor.facts import DirectoryFact, HostFacts, ProcessFact
from homeport.environments.environment import Environment

DATA_KINDS = ("homeport", "json-v1", "sqlite", "alike")


@dataclass(frozen=True, slots=True)
class LiveData:
    """A data directory in use, and how one knows."""

    path: PurePosixPath
    how: str


def live_data(environment: Environment, facts: HostFacts) -> LiveData | None:
    """The directory that the server of an environment writes to; None where no server runs or nothing tells."""
    holder = facts.holder(environment.http_port)
    health = facts.health.get(environment.name)
    if holder is not None:
        for directory in sorted(_data_like(facts), key=lambda one: len(one.path.parts), reverse=True):
            held = next((file for file in holder.files if file.is_relative_to(directory.path)), None)
            if held is not None:
                return LiveData(directory.path, f"process {holder.pid} has {held} open")
    if health is not None and health.data_directory is not None and health.environment == environment.name:
        return LiveData(health.data_directory, "the server's own health answer says so")
    return None if holder is None else _freshest(holder, facts)


def _freshest(holder: ProcessFact, facts: HostFacts) -> LiveData | None:
    """For servers that open their files only while they write them: what changed since it started, below its place."""
    if holder.directory is None:
        return None
    below = [one for one in _data_like(facts) if one.path.is_relative_to(holder.directory) and one.newest]
    if not below:
        return None
    found = max(below, key=lambda one: (one.newest or holder.started, len(one.path.parts)))
    return LiveData(
        found.path,
        f"process {holder.pid} works in {holder.directory}, and of the data below it this changed last "
        f"({found.newest:%Y-%m-%d %H:%M})",
    )


def _data_like(facts: HostFacts) -> list[DirectoryFact]:
    return [one for one in facts.directories if one.exists and one.kind in DATA_KINDS]


def data_directory(environment: Environment, facts: HostFacts) -> PurePosixPath:
    """The live data directory where one is known, else the declared one."""
    found = live_data(environment, facts)
    return found.path if found is not None else environment.data_directory


def concerns(environment: Environment, paths: tuple[PurePosixPath | None, ...]) -> bool:
    """Whether one of these paths lies in what an environment has for itself."""
    own = (environment.directory, environment.data_directory, environment.backups_directory)
    return any(path is not None and any(path.is_relative_to(one) for one in own) for path in paths)
