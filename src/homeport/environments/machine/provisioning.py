"""The plan that makes a machine match the declaration of one environment. Run twice, it is empty the second time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from homeport.environments.environment import Environment
from homeport.environments.machine.drift import Drift, find_drift
from homeport.environments.machine.facts import MachineFacts
from homeport.environments.machine.program import Program
from homeport.environments.machine.proxying import Proxying, plan_proxy
from homeport.environments.machine.record import FILE_NAME, Record, hash_of, write_record
from homeport.environments.machine.refusals import check_drift, check_machine
from homeport.environments.machine.requests import request_units
from homeport.environments.machine.rotation import ROTATION
from homeport.environments.machine.sandbox import sandbox, written_paths
from homeport.environments.machine.steps import (
    AwaitAnswer,
    Candidate,
    GiveTree,
    JudgeUnits,
    MakeUser,
    ProbeSandbox,
    ReloadUnits,
    SwitchUnit,
)
from homeport.environments.machine.timers import timer_units
from homeport.environments.machine.units import SLOTS, UNITS_DIRECTORY, replica_units, slot_units, socket_units
from homeport.environments.machine.wanted import (
    ROOT,
    WantedFile,
    owned_directories,
    wanted_directories,
    wanted_files,
    wanted_links,
)
from homeport.environments.plan import Plan
from homeport.environments.steps import Link, MakeDirectory, Ownership, Permit, RemoveFile, Step, WriteFile

KEPT: Final = "kept"
"""In the journal directory: files that were replaced though a person had changed them."""


@dataclass(frozen=True, slots=True)
class Provision:
    """A plan, and what else there is to say."""

    plan: Plan
    drift: tuple[Drift, ...]

    @property
    def changes_nothing(self) -> bool:
        return not self.plan.steps


@dataclass(frozen=True, slots=True, kw_only=True)
class Pieces:
    """What is to be done, by what it is about: for plans that put it into an order of their own.

    Attributes:
        candidates: units to be judged; none where none changes.
        links: to what units run; made before units are judged, which must find their programs.
        proxy_judged: the judgement of nginx's files.
        user: makes the system user.
        directories: makes them, and gives them to whom they should belong.
        rotation: what logrotate reads.
        kept: copies of what a person wrote and is replaced.
        unit_files: units written and removed, and systemd told of it.
        sockets, slots, timers: switches of what is not switched on yet; what looks for requests is with the timers.
        answer: waits for its health; nothing where it waits for its first release.
        restarted: whether something that runs is started anew by it.
        proxy: nginx's files, and nginx told of it.
        record: of what was written.
        drift: what a person did since.
    """

    candidates: tuple[Candidate, ...]
    links: tuple[Step, ...]
    proxy_judged: tuple[Step, ...]
    user: tuple[Step, ...]
    directories: tuple[Step, ...]
    rotation: tuple[Step, ...]
    probe: Step
    kept: tuple[Step, ...]
    unit_files: tuple[Step, ...]
    sockets: tuple[SwitchUnit, ...]
    slots: tuple[SwitchUnit, ...]
    timers: tuple[SwitchUnit, ...]
    answer: tuple[Step, ...]
    restarted: bool
    proxy: tuple[Step, ...]
    record: tuple[Step, ...]
    drift: tuple[Drift, ...]

    @property
    def ground(self) -> tuple[Step, ...]:
        """What must be so before a unit can run."""
        return (*self.user, *self.directories, *self.rotation)

    @property
    def units(self) -> tuple[Step, ...]:
        """Units written, and switched on; the last step waits for the server where it was started."""
        switches = (*self.sockets, *self.slots, *self.timers)
        return (*self.unit_files, *switches, *(self.answer if self.restarted or switches else ()))


def plan_provision(
    environment: Environment, program: Program, facts: MachineFacts, *, overwrite: bool = False
) -> Provision:
    """Decides what is to be done.

    Args:
        environment: what the machine is to match.
        program: what its units run.
        facts: what the machine holds.
        overwrite: whether what was edited by hand is replaced; a copy of it is kept.

    Raises:
        GuardError: a port is held, the program cannot be reached, or what a person edited would be lost.
    """
    check_machine(environment, facts)
    pieces = pieces_of(environment, program, facts)
    if not overwrite:
        check_drift(environment, pieces.drift)
    if not (*pieces.links, *pieces.ground, *pieces.units, *pieces.proxy, *pieces.record):
        return Provision(Plan("provision", environment.name, ()), pieces.drift)
    steps = [
        *pieces.links,
        *([JudgeUnits(pieces.candidates)] if pieces.candidates else []),
        *pieces.proxy_judged,
        *pieces.ground,
        *([pieces.probe] if pieces.ground or pieces.candidates else []),
        *pieces.kept,
        *pieces.units,
        *pieces.proxy,
        *pieces.record,
    ]
    return Provision(Plan("provision", environment.name, tuple(steps)), pieces.drift)


def pieces_of(environment: Environment, program: Program, facts: MachineFacts) -> Pieces:
    """What differs from how it should be, by what it is about; nothing is refused here.

    Raises:
        GuardError: it cannot be told which server block of nginx is meant.
    """
    drift = tuple(find_drift(environment, program, facts))
    files = wanted_files(environment, program, facts)
    units = _Units(environment, program, facts, tuple(file for file in files if file.is_unit))
    proxy = plan_proxy(environment, facts, files)
    sockets, slots, timers = units.switches()
    return Pieces(
        candidates=units.candidates if units.changed else (),
        proxy_judged=proxy.judged,
        user=tuple(_user(environment, facts)),
        links=tuple(_links(environment, program, facts)),
        directories=tuple(_directories(environment, facts)),
        rotation=tuple(_rotation(facts, files)),
        probe=_probe(environment, program),
        kept=tuple(_kept(environment, drift)),
        unit_files=tuple(units.files()),
        sockets=sockets,
        slots=slots,
        timers=timers,
        answer=(_answer(environment),) if facts.has_release else (),
        restarted=units.restarts,
        proxy=proxy.steps,
        record=tuple(_record(environment, files, proxy, facts)),
        drift=drift,
    )


class _Units:
    """What is to be done with units: which are written, which are taken away, and what is started anew for it."""

    def __init__(
        self, environment: Environment, program: Program, facts: MachineFacts, files: tuple[WantedFile, ...]
    ) -> None:
        self._environment = environment
        self._facts = facts
        self._files = files
        timers = timer_units(environment, program)
        self._beside = (*timers, *request_units(environment), *replica_units(environment))
        self.written = [file for file in files if _differs(file, facts)]
        names = {file.path.name for file in files}
        recorded = facts.record.files if facts.record is not None else {}
        self.unwanted = [
            path
            for path in recorded
            if path.parent == UNITS_DIRECTORY and path.name not in names and path in facts.files
        ]

    @property
    def changed(self) -> bool:
        return bool(self.written or self.unwanted)

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """All of them, since they name each other."""
        return tuple(Candidate(file.path, file.text) for file in self._files)

    @property
    def restarts(self) -> bool:
        """Whether something that runs is started anew."""
        return bool(self._anew()[1])

    def files(self) -> list[Step]:
        """In order; nothing where all is as it should be."""
        sockets, services = self._anew()
        names = [file.path.name for file in self._files]
        stale = any(self._facts.unit(name).stale for name in (*names, *slot_units(self._environment)))
        if not (self.changed or stale):
            return []
        return [
            ReloadUnits("back", sockets, services),
            *(SwitchUnit(path.name, enabled=False, active=False) for path in self.unwanted if _is_switched(path)),
            *(RemoveFile(path) for path in self.unwanted),
            *(WriteFile(file.path, file.text, 0o644, ROOT) for file in self.written),
            ReloadUnits("forth", sockets, services),
        ]

    def _anew(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """What runs and must run with other units than it did."""
        written = {file.path.name for file in self.written}
        sockets = tuple(
            name for name in socket_units(self._environment) if name in written and self._facts.unit(name).active
        )
        running = tuple(name for name in slot_units(self._environment) if self._facts.unit(name).active)
        # One socket more or less is another set for the service.
        other = written & set(socket_units(self._environment)) or self._environment.service_unit in written
        replica = [name for name in replica_units(self._environment) if name in written]
        beside = tuple(name for name in replica if self._facts.unit(name).active)
        return sockets, (*(running if other else ()), *beside)

    def switches(self) -> tuple[tuple[SwitchUnit, ...], ...]:
        """What is not switched on yet: sockets, slots, timers."""
        slots = slot_units(self._environment)
        # Whichever slot runs is left to run.
        running = any(self._facts.unit(name).active for name in slots)
        return (
            self._switched(socket_units(self._environment)),
            # The first deploy starts it, where there is nothing to run before.
            self._switched(slots[:1], start=not running and self._facts.has_release),
            self._switched(self._beside),
        )

    def _switched(self, names: Iterable[str], *, start: bool = True) -> tuple[SwitchUnit, ...]:
        found = []
        for name in names:
            state = self._facts.unit(name)
            enabled = None if state.enabled else True
            active = None if state.active or not start else True
            if enabled or active:
                found.append(SwitchUnit(name, enabled, active))
        return tuple(found)


def _answer(environment: Environment) -> Step:
    says = environment.service.health_says if environment.is_foreign else None
    return AwaitAnswer(environment.health_url, environment.name, says, slot_units(environment))


def _user(environment: Environment, facts: MachineFacts) -> list[Step]:
    return [] if environment.user in facts.users else [MakeUser(environment.user, owned_directories(environment))]


def _rotation(facts: MachineFacts, files: tuple[WantedFile, ...]) -> list[Step]:
    """What logrotate reads when it runs next; nothing has to be told of it."""
    wanted = [file for file in files if file.path.parent == ROTATION]
    recorded = facts.record.files if facts.record is not None else {}
    gone = [path for path in recorded if path.parent == ROTATION and path in facts.files]
    return [
        *(RemoveFile(path) for path in gone if path not in {file.path for file in wanted}),
        *(WriteFile(file.path, file.text, file.mode, ROOT) for file in wanted if _differs(file, facts)),
    ]


def _directories(environment: Environment, facts: MachineFacts) -> list[Step]:
    steps: list[Step] = []
    own = Ownership(environment.user, environment.user)
    for wanted in wanted_directories(environment):
        there = facts.directories.get(wanted.path)
        if there is None:
            steps.append(MakeDirectory(wanted.path, wanted.mode, wanted.owner))
            continue
        if wanted.path in owned_directories(environment) and there.strangers:
            steps.append(GiveTree(wanted.path, own))
        if wanted.path in environment.private_directories and there.mode & 0o077 and not environment.is_foreign:
            steps.append(Permit(wanted.path, wanted.mode))
    return steps


def _links(environment: Environment, program: Program, facts: MachineFacts) -> list[Step]:
    """What is missing of the links to what is run: they lead to the release that serves, else to this installation."""
    current = facts.links.get(environment.current_release, program.installed)
    if current is None:
        return []
    missing = [link for link in wanted_links(environment) if link not in facts.links]
    directories = dict.fromkeys(link.parent for link in missing)
    return [*(MakeDirectory(path) for path in directories), *(Link(link, current) for link in missing)]


def _probe(environment: Environment, program: Program) -> Step:
    command = program.command("config", "show", environment.name)
    return ProbeSandbox(sandbox(environment, program), command, written_paths(environment))


def _kept(environment: Environment, drift: tuple[Drift, ...]) -> list[Step]:
    """Copies of what a person wrote and is about to be replaced; named by their content, so that none is lost."""
    directory = environment.journal_directory / KEPT
    texts = [(one.path, one.found) for one in drift if one.is_in_the_way and one.found is not None]
    copies: list[Step] = [
        WriteFile(directory / f"{hash_of(text)[:8]}-{path.name}", text, 0o600, ROOT) for path, text in texts
    ]
    return [MakeDirectory(directory, 0o700, ROOT), *copies] if copies else []


def _record(
    environment: Environment, files: tuple[WantedFile, ...], proxy: Proxying, facts: MachineFacts
) -> list[Step]:
    """The record, where it is another than the last one."""
    record = Record({file.path: hash_of(file.text) for file in files}, proxy.site, proxy.site_made, proxy.include)
    if record == facts.record:
        return []
    return [WriteFile(environment.journal_directory / FILE_NAME, write_record(record), 0o644, ROOT)]


def _differs(file: WantedFile, facts: MachineFacts) -> bool:
    there = facts.files.get(file.path)
    return there is None or there.text != file.text or there.mode != 0o644


def _is_switched(path: PurePosixPath) -> bool:
    """Whether it is a unit that is enabled by itself; what a timer starts is not."""
    slots = {f"{slot}.service" for slot in SLOTS}
    return path.suffix in (".timer", ".socket", ".path") or path.name.split("@")[-1] in slots or _is_replica(path)


def _is_replica(path: PurePosixPath) -> bool:
    return path.name.endswith("-replica.service")
