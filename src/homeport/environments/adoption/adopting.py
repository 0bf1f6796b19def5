"""The plan that moves a server from whoever started it by hand to the service manager, with the shortest gap.

All that can be done while the old server answers is done before it ends: the backup, the units, the proxy, the probe.
In the gap are: its end, the owner of the data, the start. The point of no return is the check of the data after it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Final

from homeport.environments.adoption.facts import AdoptionFacts, OldUnit
from homeport.environments.adoption.refusals import check_adoption
from homeport.environments.adoption.steps import CheckData, KeepProcess, NoteData, RetireUnit, StopProcess
from homeport.environments.backups.steps import MakeBackup
from homeport.environments.environment import Environment
from homeport.environments.machine.program import Program
from homeport.environments.machine.provisioning import Pieces, Provision, pieces_of
from homeport.environments.machine.refusals import check_drift, check_machine
from homeport.environments.machine.sandbox import sandbox
from homeport.environments.machine.steps import GiveTree, JudgeUnits, ProbeSandbox, ReloadUnits, SwitchUnit
from homeport.environments.machine.units import UNITS_DIRECTORY
from homeport.environments.plan import Plan
from homeport.environments.steps import Link, MakeDirectory, Ownership, Permit, Rename, Step

ASIDE: Final = ".before-homeport"
"""What the name of a retired unit's file ends with: systemd reads no such file."""
MASK: Final = PurePosixPath("/dev/null")
"""A unit whose file leads there cannot be started by anybody (systemctl mask)."""
_KEPT: Final = "adopted-{}.json"


def kept_file(environment: Environment, number: int) -> PurePosixPath:
    """Where it stands how the process of this number (from 1) was started."""
    return environment.journal_directory / _KEPT.format(number)


def plan_adopt(
    environment: Environment, program: Program, facts: AdoptionFacts, backup: str, *, overwrite: bool = False
) -> Provision:
    """Decides what is to be done.

    Args:
        environment: whose server.
        program: what its units run.
        facts: of the machine and of the server.
        backup: the id of the backup that is made first.
        overwrite: whether what was edited by hand is replaced; a copy of it is kept.

    Raises:
        GuardError: nothing was started by hand, it is not what is declared, or something stands in the way.
    """
    check_adoption(environment, facts)
    # The port is held: by the very server that is to be moved.
    machine = replace(facts.machine, ports_held={})
    check_machine(environment, machine)
    pieces = pieces_of(environment, program, machine)
    if not overwrite:
        check_drift(environment, pieces.drift)
    before = _before(environment, program, facts, pieces, backup)
    gap = list(_gap(environment, facts, pieces))
    check = CheckData(environment.data_directory, environment.name, backup)
    after = [*_switched(pieces.timers, enable=True, start=True), *pieces.record]
    steps = (*before, *gap, check, *after)
    return Provision(Plan("adopt", environment.name, steps, len(before) + len(gap) + 1), pieces.drift)


def _before(
    environment: Environment, program: Program, facts: AdoptionFacts, pieces: Pieces, backup: str
) -> list[Step]:
    """What is done while the old server answers."""
    servers = (*pieces.sockets, *pieces.slots)
    return [
        *pieces.links,
        *([JudgeUnits(pieces.candidates)] if pieces.candidates else []),
        *pieces.proxy_judged,
        *pieces.user,
        *(step for step in pieces.directories if isinstance(step, MakeDirectory)),
        *_probes(environment, program, facts),
        MakeBackup(environment.name, backup, "adopt"),
        *pieces.kept,
        *(step for unit in facts.old_units for step in _retired(unit)),
        *pieces.unit_files,
        *pieces.rotation,
        *_switched(servers, enable=True, start=False),
        *pieces.proxy,
        *(
            KeepProcess(one.pid, one.started, kept_file(environment, number))
            for number, one in enumerate(facts.processes, start=1)
        ),
    ]


def _gap(environment: Environment, facts: AdoptionFacts, pieces: Pieces) -> Iterator[Step]:
    """What is done while nobody answers."""
    for number, one in enumerate(facts.processes, start=1):
        yield StopProcess(
            one.pid, one.started, kept_file(environment, number), environment.data_directory, environment.user
        )
    yield NoteData(environment.data_directory)
    own = Ownership(environment.user, environment.user)
    yield GiveTree(environment.data_directory, own)
    yield GiveTree(environment.logs_directory, own)
    yield from (step for step in pieces.directories if isinstance(step, Permit))
    yield from _switched((*pieces.sockets, *pieces.slots), enable=False, start=True)
    yield from pieces.answer


def _probes(environment: Environment, program: Program, facts: AdoptionFacts) -> Iterator[Step]:
    """The unit's sandbox is tried in two parts: the data are the old server's still, so that its user writes there."""
    settings = sandbox(environment, program)
    user = facts.processes[0].user
    old = tuple((key, user if key in ("User", "Group") else value) for key, value in settings if key != "Group")
    yield ProbeSandbox(old, ("/usr/bin/true",), (environment.data_directory,))
    # Logs that are there may be another's still, and are given away in the gap.
    logs = () if environment.logs_directory in facts.machine.directories else (environment.logs_directory,)
    yield ProbeSandbox(settings, program.command("config", "show", environment.name), logs)


def _retired(unit: OldUnit) -> Iterator[Step]:
    """Stopped, disabled, and out of systemd's sight: it would start again on the same data, with other opinions.

    An administrator's file is kept aside; one of a package stays where the package put it, and is masked.
    """
    yield RetireUnit(unit.name)
    if unit.file is None:
        return
    yield ReloadUnits("back")
    if unit.ours_to_move:
        yield Rename(unit.file, unit.file.with_name(unit.file.name + ASIDE))
    else:
        yield Link(UNITS_DIRECTORY / unit.name, MASK)
    yield ReloadUnits("forth")


def _switched(units: tuple[SwitchUnit, ...], *, enable: bool, start: bool) -> Iterator[Step]:
    """The same switches, of which only one half is done."""
    for one in units:
        enabled, active = one.enabled if enable else None, one.active if start else None
        if enabled is not None or active is not None:
            yield SwitchUnit(one.unit, enabled, active)
