"""What adopting depends on, found on this machine. Changes nothing."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final

import psutil

from homeport.environments.adoption.facts import AdoptionFacts, ByHand, OldUnit
from homeport.environments.doctor.crash_loops import units_of
from homeport.environments.doctor.facts import HostFacts, ProcessFact, UnitFact
from homeport.environments.doctor.live import concerns, live_data
from homeport.environments.environment import Environment
from homeport.environments.machine.program import Program
from homeport.environments.machine.units import UNITS_DIRECTORY
from homeport.environments.services.state import INIT
from homeport.host.adoption.kept import listened_on, started_ticks
from homeport.host.machine.gathering import first_closed, gather_facts
from homeport.host.machine.owning import has_user

_LONGEST_COMMAND: Final = 200


def find_adoption(environment: Environment, program: Program, facts: HostFacts) -> AdoptionFacts:
    """Looks at who serves an environment.

    Args:
        environment: whose server.
        program: what its units run.
        facts: of the whole machine, as the doctor has them.

    Raises:
        HomeportError: something cannot be read.
    """
    holders = [one for one in facts.processes if set(one.ports) & set(environment.ports.values()) and one.pid != INIT]
    strangers = [sentence for holder in holders if (sentence := _stranger(environment, holder, facts))]
    by_hand = {one.pid: one for holder in holders if holder.unit is None for one in _by_hand(holder)}
    data = Path(environment.data_directory)
    return AdoptionFacts(
        machine=gather_facts(environment, program),
        processes=tuple(by_hand.values()),
        managed_by=next((holder.unit for holder in holders if holder.unit is not None), None),
        strangers=tuple(strangers),
        live=live_data(environment, facts),
        holds_data=data.is_dir() and any(True for _ in os.scandir(data)),
        old_units=tuple(_old_units(environment, facts)),
        closed=tuple(_closed(environment)),
    )


def _stranger(environment: Environment, holder: ProcessFact, facts: HostFacts) -> str:
    """Why a holder of the port is none of the environment's servers; empty where it is one."""
    health = facts.health.get(environment.name)
    if health is not None and health.environment is not None:
        if health.environment == environment.name:
            return ""
        return f"Port {environment.http_port} of {environment.name} is held by the server of {health.environment}."
    places = (holder.directory, *holder.files)
    if concerns(environment, places) or holder.directory == environment.service.working_directory:
        return ""
    return f"Port {holder.ports[0]} of {environment.name} is held by a process that is none of its servers: {holder}."


def _by_hand(holder: ProcessFact) -> Iterator[ByHand]:
    """The process to be ended: the holder, or the ``homeport up`` above it, which would start it again."""
    try:
        process = psutil.Process(holder.pid)
        above = next((one for one in process.parents() if _is_up(one.cmdline())), None)
        chosen = above or process
        started = started_ticks(chosen.pid)
        if started is None:
            return
        yield ByHand(
            pid=chosen.pid,
            started=started,
            command=" ".join((shlex.join(chosen.cmdline()) or chosen.name()).split())[:_LONGEST_COMMAND],
            user=chosen.username(),
            directory=holder.directory,
            ports=listened_on(chosen.pid),
        )
    except psutil.Error:
        return


def _is_up(command: list[str]) -> bool:
    """Whether a command is ``homeport up``, however it was called."""
    if "up" not in command[1:]:
        return False
    before = command[: command.index("up", 1)]
    return any(Path(word).name == "homeport" for word in before)


def _old_units(environment: Environment, facts: HostFacts) -> Iterator[OldUnit]:
    for unit in units_of(environment, facts):
        if unit.name.startswith((f"{environment.unit}@", f"{environment.unit}-")) or not _serves(unit):
            continue
        yield OldUnit(
            name=unit.name,
            file=unit.file,
            enabled=unit.enabled,
            active=unit.active in ("active", "activating", "reloading"),
            ours_to_move=unit.file is not None and unit.file.parent == UNITS_DIRECTORY,
        )


def _serves(unit: UnitFact) -> bool:
    """Whether a unit that works in our directories is meant to be the server: what a timer starts is not."""
    return unit.restart not in ("", "no") or unit.enabled or unit.active in ("activating", "failed")


def _closed(environment: Environment) -> Iterator[str]:
    """What the unit's user could not reach: the data, and the place where another server's program is."""
    paths = [environment.data_directory.parent]
    if environment.is_foreign:
        paths.append(environment.service.working_directory)
        paths += [PurePosixPath(word) for word in environment.service.command if word.startswith("/")]
    for path in dict.fromkeys(paths):
        found = first_closed(Path(path))
        if found is not None and not (has_user(environment.user) and _is_of(found, environment.user)):
            yield f"{found} is closed to other users, so that the unit's user could not reach {path}."


def _is_of(path: Path, user: str) -> bool:
    try:
        return path.owner() == user
    except (KeyError, OSError):
        return False
