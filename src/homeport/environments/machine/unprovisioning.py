"""The plan that takes away what provision made: units, locations, the include line. Never data, backups or journal."""

from __future__ import annotations

from collections.abc import Iterable
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
    names = [path.name for path in units]
    first = [name for name in names if name.endswith((".timer", ".path"))]
    last = [name for name in names if name.endswith("-replica.service")]
    sockets = [name for name in names if name.endswith(".socket")]
    return [
        *(_off(name) for name in first if _is_on(facts, name)),
        *servers_off(environment, facts, sockets),
        *(_off(name) for name in last if _is_on(facts, name)),
    ]


def servers_off(environment: Environment, facts: MachineFacts, sockets: Iterable[str]) -> list[Step]:
    """Switches off the slots and their sockets, so that each can be taken back by itself.

    A socket that is stopped takes its service along, and one that is not starts it again. So the service is stopped
    while it can be told that it ran, then the sockets, and what a caller has started in between at the end.
    """
    slots = [name for name in slot_units(environment) if _is_on(facts, name)]
    return [
        *(_off(name) for name in slots),
        *(_off(name) for name in sockets if _is_on(facts, name)),
        *(SwitchUnit(name, enabled=None, active=False) for name in slots if facts.unit(name).active),
    ]


def _is_on(facts: MachineFacts, name: str) -> bool:
    return facts.unit(name).enabled or facts.unit(name).active


def _off(name: str) -> SwitchUnit:
    return SwitchUnit(name, enabled=False, active=False)


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
