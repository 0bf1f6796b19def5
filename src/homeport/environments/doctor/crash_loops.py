"""Units that start again and again, and which of the causes that look alike from outside it is.

operations.md: a sandbox path that is missing (exit 226), one that is stale (the server may not write its data), a port
that another process holds, and an error of the program itself all end in the same endless restart.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from homeport.contract import ExitCode
from homeport.environments.doctor.facts import HostFacts, ProcessFact, UnitFact
from homeport.environments.doctor.finding import Finding
from homeport.environments.doctor.live import concerns, data_directory
from homeport.environments.environment import Environment
from homeport.environments.machine.units import slot_units

NAMESPACE: Final = 226
"""systemd's EXIT_NAMESPACE: the sandbox could not be set up."""
MANY: Final = 3
"""Restarts from which a unit that is starting is called a loop."""


def find_crash_loops(environments: Iterable[Environment], facts: HostFacts) -> Iterator[Finding]:
    """Each unit that cannot stay up, with its cause."""
    for environment in environments:
        for unit in units_of(environment, facts):
            if _is_looping(unit, facts) and not _another_serves(environment, unit, facts):
                yield _finding(environment, unit, facts)


def units_of(environment: Environment, facts: HostFacts) -> list[UnitFact]:
    """The service units that run, or try to run, an environment: its own, and others that work in its directories."""
    own = f"{environment.unit}@"
    return [
        unit
        for unit in facts.units
        if unit.name.startswith(own) or concerns(environment, (unit.directory, *unit.writable))
    ]


def _is_looping(unit: UnitFact, facts: HostFacts) -> bool:
    starting = unit.active == "activating" or unit.sub == "auto-restart"
    gave_up = unit.active == "failed" and (
        unit.result == "start-limit-hit" or unit.exit_status == ExitCode.CANNOT_START
    )
    # Between two ends a program that is slow to start looks as if it ran; it listens nowhere yet.
    serves = any(one.unit == unit.name and one.ports for one in facts.processes)
    dying = unit.active == "active" and not serves and unit.restart not in ("", "no")
    return ((starting or dying) and unit.restarts >= MANY) or gave_up


def _another_serves(environment: Environment, unit: UnitFact, facts: HostFacts) -> bool:
    """Whether it is a slot that was to take over and did not come up: who started it was told, and the other serves."""
    held = facts.holder(environment.http_port)
    slots = slot_units(environment)
    return unit.name in slots and held is not None and held.unit in slots and held.unit != unit.name


def _finding(environment: Environment, unit: UnitFact, facts: HostFacts) -> Finding:
    cause, evidence, mend = _cause(environment, unit, facts)
    ends = unit.active == "failed"
    times = f"{unit.restarts:,} times" if unit.restarts else "and failed"
    held = facts.holder(environment.http_port)
    return Finding(
        kind="crash-loop",
        environment=environment.name,
        severity="critical",
        sentence=f"{unit.name} {'gave up' if ends else 'restarts without end'}: {cause}.",
        evidence=(
            f"{unit.name} is {unit.active} ({unit.sub}), started again {times}",
            f"its last result is {unit.result}, its last exit status {unit.exit_status}",
            *evidence,
            *(() if ends else (_no_limit(unit),)),
        ),
        consequence=_consequence(environment, held, unit),
        mend=mend,
    )


def _cause(environment: Environment, unit: UnitFact, facts: HostFacts) -> tuple[str, tuple[str, ...], str]:
    data = data_directory(environment, facts)
    provision = f"homeport provision {environment.name}"
    if unit.exit_status == NAMESPACE:
        missing = [path for path in unit.writable if (known := facts.directory(path)) is None or not known.exists]
        named = ", ".join(map(str, missing)) or "a path that it names"
        return (
            f"its sandbox names {named}, which does not exist",
            (f"exit status {NAMESPACE} is systemd's own: the sandbox could not be set up", *_writable(unit)),
            provision,
        )
    for setting, port in environment.ports.items():
        holder = facts.holder(port)
        if holder is not None and holder.unit != unit.name:
            return (
                f"its port {port} is held by another process",
                (f"{setting} {port} is held by {holder}",),
                f"homeport adopt {environment.name}" if holder.unit is None else f"systemctl stop {holder.unit}",
            )
    if unit.sandboxed and not any(data.is_relative_to(path) for path in unit.writable):
        return (
            f"its sandbox does not let it write its data in {data}",
            (*_writable(unit), *_last_words(unit)),
            provision,
        )
    return _own_error(unit), _last_words(unit), f"homeport logs {environment.name}"


def _own_error(unit: UnitFact) -> str:
    if unit.exit_status == ExitCode.CANNOT_START:
        return "the server says that it cannot start, and that trying again will not help"
    return f"the program itself ends with {unit.exit_status} at its start"


def _writable(unit: UnitFact) -> tuple[str, ...]:
    named = ", ".join(map(str, unit.writable)) or "nothing"
    return (f"{unit.name} may write {named}",)


def _last_words(unit: UnitFact) -> tuple[str, ...]:
    # An error's second line, what to do, is set in.
    said = [line for line in unit.last_lines if not line.startswith("  ")] or unit.last_lines
    return (f"its last line: {said[-1]}",) if said else ()


def _no_limit(unit: UnitFact) -> str:
    # The limit is reached only if so many starts fit into its interval, and it would have been by now.
    fits = unit.limit_seconds > 0 and unit.limit_burst * max(unit.restart_seconds, 0.1) < unit.limit_seconds
    if fits and unit.restarts <= unit.limit_burst:
        return f"its start limit is {unit.limit_burst} starts in {unit.limit_seconds:.0f} s"
    return f"with a start every {unit.restart_seconds:.0f} s its start limit is never reached, so nobody is ever told"


def _consequence(environment: Environment, held: ProcessFact | None, unit: UnitFact) -> str:
    if held is not None and held.unit != unit.name:
        return f"{environment.name} is served by a process that no reboot and no crash will bring back."
    return f"{environment.name} is down, and stays so."
