"""Servers: not managed, forgotten, down, absent, or somebody else in their place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Final

from homeport.environments.doctor.crash_loops import units_of
from homeport.environments.doctor.facts import HealthFact, HostFacts, ProcessFact
from homeport.environments.doctor.finding import Finding
from homeport.environments.doctor.live import concerns
from homeport.environments.environment import Environment
from homeport.environments.steps import Run

FORGOTTEN: Final = timedelta(days=7)
"""A development server that somebody started by hand and that still runs after so long is not being worked with."""


def find_service_faults(environments: Sequence[Environment], facts: HostFacts) -> Iterator[Finding]:
    """What is wrong with who serves."""
    for environment in environments:
        holder = facts.holder(environment.http_port)
        health = facts.health.get(environment.name)
        if holder is None and not facts.sees_all and _answers_for(environment, health):
            # Its server answers, and this user may not see the process.
            yield from _unwell(environment, health)
            continue
        if holder is None:
            yield from _nobody(environment, facts)
            continue
        if _is_stranger(environment, holder, health):
            yield _held(environment, holder, health)
            continue
        yield from _by_hand(environment, holder, facts)
        yield from _unwell(environment, health)
    yield from _unread_units(environments, facts)


def _answers_for(environment: Environment, health: HealthFact | None) -> bool:
    """Whether its server, as far as the answer tells, is there; another program's does not say whose it is."""
    if health is None or not health.answered:
        return False
    return health.environment == environment.name or (environment.is_foreign and health.environment is None)


def _nobody(environment: Environment, facts: HostFacts) -> Iterator[Finding]:
    directory = facts.directory(environment.directory)
    if directory is not None and not directory.exists and environment.name not in facts.provisioned:
        yield Finding(
            kind="absent",
            environment=environment.name,
            severity="warning",
            sentence=f"{environment.name} is declared, and there is nothing of it on this machine.",
            evidence=(f"there is no {environment.directory}", f"nobody listens on port {environment.http_port}"),
            consequence=f"{environment.name} serves nobody."
            if environment.protected
            else "What should be tried there is tried in production.",
            mend=f"homeport provision {environment.name}",
        )
    elif environment.name in facts.provisioned and not _loops(environment, facts):
        yield Finding(
            kind="down",
            environment=environment.name,
            severity="critical" if environment.protected else "warning",
            sentence=f"{environment.name} is provisioned and does not run.",
            evidence=(f"nobody listens on port {environment.http_port}",),
            consequence="Its clients get no answer.",
            mend=f"homeport start {environment.name}",
        )


def _loops(environment: Environment, facts: HostFacts) -> bool:
    return any(unit.active in ("activating", "failed") for unit in units_of(environment, facts))


def _is_stranger(environment: Environment, holder: ProcessFact, health: HealthFact | None) -> bool:
    if health is not None and health.answered and health.environment is not None:
        return health.environment != environment.name
    own = holder.unit is not None and holder.unit.startswith(f"{environment.unit}@")
    if own or concerns(environment, (holder.directory, *holder.files)):
        return False
    # Another program works where it lies, and may have no file open but while it writes one.
    return not environment.is_foreign or holder.directory != environment.service.working_directory


def _held(environment: Environment, holder: ProcessFact, health: HealthFact | None) -> Finding:
    other = health.environment if health is not None and health.environment else None
    who = f"the server of {other}" if other else "a process that is none of its servers"
    return Finding(
        kind="port-held",
        environment=environment.name,
        severity="critical",
        sentence=f"Port {environment.http_port} of {environment.name} is held by {who}.",
        evidence=(str(holder), *([f"{environment.health_url} says it is {other}"] if other else [])),
        consequence=f"{environment.name} cannot start, and its clients talk to somebody else.",
        mend=f"kill {holder.pid}, then homeport start {environment.name}; or declare another http_port for one of them",
    )


def _by_hand(environment: Environment, holder: ProcessFact, facts: HostFacts) -> Iterator[Finding]:
    if holder.unit is not None or not facts.managed:
        return
    if environment.protected:
        yield Finding(
            kind="unmanaged",
            environment=environment.name,
            severity="critical",
            sentence=f"The server of {environment.name} was started by hand; no service manager looks after it.",
            evidence=(str(holder),),
            consequence="After a reboot or a crash nobody starts it again.",
            mend=f"homeport adopt {environment.name}",
        )
    elif facts.now - holder.started > FORGOTTEN:
        days = (facts.now - holder.started).days
        yield Finding(
            kind="forgotten",
            environment=environment.name,
            severity="warning",
            sentence=f"A server of {environment.name} that was started by hand has been running for {days} days.",
            evidence=(str(holder),),
            consequence="It runs old code on a port that somebody will want.",
            mend=f"kill {holder.pid} ends it, homeport adopt {environment.name} keeps it",
        )


def _unwell(environment: Environment, health: HealthFact | None) -> Iterator[Finding]:
    if health is not None and not health.healthy:
        yield Finding(
            kind="unhealthy",
            environment=environment.name,
            severity="critical" if environment.protected else "warning",
            sentence=f"{environment.name} runs and is not well.",
            evidence=(f"{environment.health_url}: {health.reason}",),
            consequence="Calls fail, or will.",
            mend=f"homeport logs {environment.name}",
        )


def _unread_units(environments: Sequence[Environment], facts: HostFacts) -> Iterator[Finding]:
    whose = {name: _owner(name, environments) for name in facts.unread}
    for environment in environments:
        servers = [unit.name for unit in units_of(environment, facts) if unit.needs_reload]
        unread = sorted({*servers, *(name for name, owner in whose.items() if owner == environment.name)})
        if not unread:
            continue
        more = f" and {len(unread) - 1} more" if len(unread) > 1 else ""
        yield Finding(
            kind="units-not-reloaded",
            environment=environment.name,
            severity="warning",
            sentence=f"{unread[0]}{more} changed on disk, and systemd still has what stood there before.",
            evidence=tuple(f"NeedDaemonReload=yes for {name}" for name in unread),
            consequence="It runs by its old text until somebody reloads, and then changes by surprise.",
            mend="systemctl daemon-reload",
            fix=(Run(("systemctl", "daemon-reload")),),
        )


def _owner(unit: str, environments: Sequence[Environment]) -> str | None:
    """Whose unit it is; one environment's name may be the beginning of another's."""
    owners = [one for one in environments if unit.startswith((f"{one.unit}.", f"{one.unit}-"))]
    return max(owners, key=lambda one: len(one.unit)).name if owners else None
