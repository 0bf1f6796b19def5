"""The plan that takes away what provision made: units, locations, the include line. Never data, backups or journal."""

from __future__ import annotations

from pathlib import PurePosixPath

from homeport.environments.environment import Environment
from homeport.environments.machine.drift import Drift
from homeport.environments.machine.facts import MachineFacts
from homeport.environments.machine.nginx import SNIPPETS
from homeport.environments.machine.provisioning import Provision
from homeport.environments.machine.record import FILE_NAME, Record, hash_of
from homeport.environments.machine.refusals import check_drift
from homeport.environments.machine.site import without_include
from homeport.environments.machine.steps import Candidate, JudgeNginx, ReloadNginx, ReloadUnits, SwitchUnit
from homeport.environments.machine.units import SLOTS, UNITS_DIRECTORY, slot_units
from homeport.environments.machine.wanted import ROOT
from homeport.environments.plan import Plan
from homeport.environments.steps import RemoveDirectory, RemoveFile, Step, WriteFile


def plan_unprovision(
    environment: Environment, facts: MachineFacts, *, others: bool = False, overwrite: bool = False
) -> Provision:
    """Decides what is to be taken away. The user stays: its number owns the data, and could be given to somebody else.

    Args:
        environment: whose.
        facts: what the machine holds.
        others: whether another environment's locations are included by the same line.
        overwrite: whether what was edited by hand is removed too.

    Raises:
        GuardError: what a person edited would be lost.
    """
    record = facts.record
    if record is None:
        return Provision(Plan("unprovision", environment.name, ()), ())
    drift = tuple(
        Drift(path, "edited", found.text, None)
        for path, recorded in record.files.items()
        if (found := facts.files.get(path)) is not None and (found.text is None or hash_of(found.text) != recorded)
    )
    if not overwrite:
        check_drift(environment, drift)
    there = [path for path in record.files if path in facts.files]
    units = [path for path in there if path.parent == UNITS_DIRECTORY]
    snippets = [path for path in there if path.is_relative_to(SNIPPETS)]
    slots = [environment.slot_link(slot) for slot in SLOTS if environment.slot_link(slot) in facts.links]
    judged, nginx = _without_proxy(record, facts, snippets, others=others)
    steps: list[Step] = [
        *judged,
        *nginx,
        *_switched_off(environment, facts, units),
        *([ReloadUnits("back")] if units else []),
        *(RemoveFile(path) for path in units),
        *([ReloadUnits("forth")] if units else []),
        *(RemoveFile(path) for path in there if path not in (*units, *snippets)),
        *(RemoveFile(path) for path in slots),
        *(RemoveDirectory(path) for path in sorted({path.parent for path in slots})),
        RemoveFile(environment.journal_directory / FILE_NAME),
    ]
    return Provision(Plan("unprovision", environment.name, tuple(steps)), drift)


def _switched_off(environment: Environment, facts: MachineFacts, units: list[PurePosixPath]) -> list[Step]:
    """Timers first, and the sockets before the services that they would start again."""
    names = [path.name for path in units]
    ordered = [name for name in names if name.endswith((".timer", ".path"))]
    ordered += [name for name in names if name.endswith(".socket")]
    ordered += [name for name in names if name.endswith("-replica.service")]
    ordered += list(slot_units(environment))
    return [
        SwitchUnit(name, enabled=False, active=False)
        for name in ordered
        if facts.unit(name).enabled or facts.unit(name).active
    ]


def _without_proxy(
    record: Record, facts: MachineFacts, snippets: list[PurePosixPath], *, others: bool
) -> tuple[list[Step], list[Step]]:
    candidates = [Candidate(path, None) for path in snippets]
    site = facts.nginx.site if facts.nginx is not None else None
    if site is not None and site.path == record.site and not others:
        if hash_of(site.text) == record.site_made:
            candidates.append(Candidate(site.path, None))
        elif (text := without_include(site.text, record.include)) != site.text:
            candidates.append(Candidate(site.path, text))
    if not candidates or facts.nginx is None:
        return [], [RemoveFile(path) for path in snippets]
    changes: list[Step] = [
        RemoveFile(one.path) if one.text is None else WriteFile(one.path, one.text, site.mode if site else 0o644, ROOT)
        for one in candidates
    ]
    directories: list[Step] = [RemoveDirectory(path) for path in (*sorted({one.parent for one in snippets}), SNIPPETS)]
    return [JudgeNginx(tuple(candidates))], [ReloadNginx("back"), *changes, *directories, ReloadNginx("forth")]
