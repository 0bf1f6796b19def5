"""Everything that the doctor looks at, gathered from this machine."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Final

from homeport.contract.database import DatabaseState
from homeport.environments.doctor.facts import (
    BackupFacts,
    DirectoryFact,
    HealthFact,
    HostFacts,
    JobFact,
    ReplicaFact,
    SecretFact,
)
from homeport.environments.environment import Environment
from homeport.environments.machine.drift import Drift
from homeport.environments.unresolved import Unresolved
from homeport.errors import CannotStartError
from homeport.host.facts.clock import judge_clock
from homeport.host.facts.cron import find_cron_jobs
from homeport.host.facts.directories import look_at, names_in
from homeport.host.facts.nginx import read_proxy
from homeport.host.facts.processes import find_processes
from homeport.host.facts.units import find_timers, find_units, find_unread, is_managed, list_units
from homeport.identity import read_identity

_OTHERS: Final = 0o077
_DEEP: Final = 2
"""Levels below a root at which data are looked for; a server's own modules lie deeper."""
_NEVER: Final = frozenset({"node_modules", ".git", ".venv", "releases", "lost+found"})


@dataclass(frozen=True, slots=True)
class Known:
    """What other parts find out for the doctor, by environment."""

    health: Callable[[Environment], HealthFact]
    backups: Callable[[Environment], BackupFacts]
    drift: Callable[[Environment], tuple[Drift, ...]] = field(default=lambda _: ())
    provisioned: Callable[[Environment], bool] = field(default=lambda _: False)
    replica: Callable[[Environment], ReplicaFact | None] = field(default=lambda _: None)
    database: Callable[[Environment], DatabaseState | None] = field(default=lambda _: None)
    unresolved: Callable[[Environment], tuple[Unresolved, ...]] = field(default=lambda _: ())


def gather(environments: Sequence[Environment], known: Known, now: datetime) -> HostFacts:
    """Looks at the machine.

    Args:
        environments: all that are declared.
        known: what is found out elsewhere.
        now: the time, with a zone.

    Raises:
        HomeportError: the service manager does not answer.
    """
    roots = _roots(environments)
    ports = [port for environment in environments for port in environment.ports.values()]
    named_units = list_units()
    units = find_units(named_units, roots, [f"{environment.unit}@" for environment in environments])
    cron = find_cron_jobs(roots, now)
    timers = find_timers(named_units, [f"{environment.unit}-" for environment in environments], now)
    named = [path for unit in units for path in unit.writable] + [path for job in cron for path in job.paths]
    directories = _directories(environments, named)
    return HostFacts(
        now=now,
        host=socket.gethostname(),
        sees_all=os.geteuid() == 0,
        managed=is_managed(),
        processes=find_processes(ports, roots),
        units=units,
        unread=find_unread(named_units, [start for one in environments for start in (f"{one.unit}.", f"{one.unit}-")]),
        jobs=_with_environment_paths((*cron, *timers), environments),
        directories=directories,
        secrets=tuple(_secrets(environments)),
        proxy=read_proxy(),
        health={one.name: known.health(one) for one in environments},
        backups={one.name: known.backups(one) for one in environments},
        replicas={one.name: found for one in environments if (found := known.replica(one)) is not None},
        databases={one.name: state for one in environments if (state := known.database(one)) is not None},
        identities={one.name: id_ for one in environments if (id_ := _identity(one)) is not None},
        drift=_drift(environments, known),
        provisioned=frozenset(one.name for one in environments if known.provisioned(one)),
        unresolved={one.name: known.unresolved(one) for one in environments},
        clock=judge_clock(),
    )


def _identity(environment: Environment) -> str | None:
    try:
        found = read_identity(Path(environment.data_directory))
    except CannotStartError:
        return None
    return None if found is None else found["id"]


def _drift(environments: Sequence[Environment], known: Known) -> Mapping[str, tuple[Drift, ...]]:
    return {one.name: found for one in environments if known.provisioned(one) and (found := known.drift(one))}


def _roots(environments: Sequence[Environment]) -> list[PurePosixPath]:
    """Directories below which everything may concern us; none of them the whole file system."""
    found = []
    for environment in environments:
        found += [environment.root, environment.directory, environment.data_directory, environment.backups_directory]
    return [path for path in dict.fromkeys(map(_real, found)) if len(path.parts) > 1]


def _directories(environments: Sequence[Environment], named: Iterable[PurePosixPath]) -> tuple[DirectoryFact, ...]:
    wanted: list[PurePosixPath] = []
    for environment in environments:
        wanted += [environment.directory, environment.data_directory, environment.backups_directory]
    for root in _roots(environments):
        wanted += _below(root, _DEEP)
    paths = dict.fromkeys(_real(path) for path in (*wanted, *named))
    like = [names_in(one.data_directory) for one in environments if one.is_foreign]
    declared = {_real(path): path for path in wanted[: 3 * len(environments)]}
    looked = [look_at(path, like) for path in paths]
    # Findings speak of paths as they are declared, whatever links lead there.
    return tuple(_as_declared(fact, declared) for fact in looked)


def _as_declared(fact: DirectoryFact, declared: Mapping[PurePosixPath, PurePosixPath]) -> DirectoryFact:
    return replace(fact, path=declared.get(fact.path, fact.path))


def _below(root: PurePosixPath, levels: int) -> list[PurePosixPath]:
    """Directories up to so many levels below; what cannot be listed has none."""
    found: list[PurePosixPath] = []
    try:
        inside = [entry for entry in os.scandir(root) if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return found
    for entry in inside:
        if entry.name in _NEVER or entry.name.startswith("."):
            continue
        path = PurePosixPath(entry.path)
        found.append(path)
        if levels > 1:
            found += _below(path, levels - 1)
    return found


def _real(path: PurePosixPath) -> PurePosixPath:
    return PurePosixPath(os.path.realpath(path))


def _with_environment_paths(jobs: Iterable[JobFact], environments: Sequence[Environment]) -> tuple[JobFact, ...]:
    """Our own timers name an environment, not paths: what they save follows from the declaration."""
    found = []
    for job in jobs:
        own = next((one for one in environments if job.source.startswith(f"{one.unit}-")), None)
        found.append(job if own is None or job.paths else replace(job, paths=(own.data_directory,)))
    return tuple(found)


def _secrets(environments: Sequence[Environment]) -> Iterable[SecretFact]:
    files = {}
    for environment in environments:
        files[environment.backup.credentials] = "what the places of backups ask for"
        files[environment.backup.identity] = "the key that opens sealed backups"
        files |= {str(path): f"a secret of {environment.name}'s server" for _, path in environment.credentials}
        if environment.webhook_secret is not None:
            files[str(environment.webhook_secret)] = f"what forges sign webhooks of {environment.name} with"
    for name, what in files.items():
        try:
            mode = stat.S_IMODE(Path(name).stat().st_mode) if name else 0
        except OSError:
            continue
        if mode & _OTHERS:
            yield SecretFact(path=PurePosixPath(name), mode=mode, what=what)
