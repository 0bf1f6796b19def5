"""The plan that packs a stale data directory and then removes it."""

from __future__ import annotations

from pathlib import PurePosixPath

from homeport.environments.adoption.steps import PackStale
from homeport.environments.doctor.finding import Finding
from homeport.environments.environment import Environment
from homeport.environments.plan import Plan
from homeport.environments.steps import RemoveTree, Rename
from homeport.errors import GuardError


def plan_archive_stale(
    environment: Environment,
    directory: PurePosixPath,
    findings: list[Finding],
    archive: PurePosixPath,
    backup: str,
    last_good: str | None,
) -> Plan:
    """Decides what is to be done.

    Args:
        environment: beside whose data it lies.
        directory: absolute, as the doctor names it.
        findings: of the doctor, now.
        archive: where it goes.
        backup: the id in the archive's manifest.
        last_good: the good backup of the live data; None where there is none.

    Raises:
        GuardError: the directory is not stale, or the live data have no good backup.
    """
    stale = [one for one in findings if one.kind == "stale-data" and one.subject == str(directory)]
    if not stale:
        raise GuardError(
            f"{directory} is not among what homeport doctor calls a stale data directory of {environment.name}.",
            "Whatever a server or an environment uses is never packed away.",
        )
    if last_good is None:
        raise GuardError(
            f"There is no good backup of the live data of {environment.name} yet: {directory} stays.",
            f"homeport backup create {environment.name}, then try again.",
        )
    going = directory.with_name(f".{directory.name}.packed-{backup}")
    steps = (
        PackStale(directory, archive, environment.name, backup),
        Rename(directory, going),
        RemoveTree(going),
    )
    return Plan("adopt --archive-stale", environment.name, steps, 2)
