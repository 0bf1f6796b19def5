"""One environment's row: what its facts come to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from homeport.environments.services.state import INIT, Listening, ServiceState, find_impostor
from homeport.environments.status.facts import EnvironmentFacts
from homeport.environments.words import age

Condition = Literal["healthy", "ill", "down", "failed", "unmanaged", "absent", "unknown"]
"""``down``: it was stopped, or never started; ``failed``: it ended by itself; ``unmanaged``: somebody else serves;
``absent``: nothing was ever made for it; ``unknown``: the service manager did not answer."""


@dataclass(frozen=True, slots=True)
class PortRow:
    """One declared port. ``holder`` is None where nobody listens; ``own`` is whether it is the server itself."""

    setting: str
    port: int
    holder: str | None
    own: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusRow:
    """What people and programs are shown of one environment; ages and spans in seconds."""

    facts: EnvironmentFacts
    condition: Condition
    reasons: tuple[str, ...]
    version: str | None
    """Of the server that answers; None where none does, or it does not say."""
    release: str | None
    uptime: float | None
    ports: tuple[PortRow, ...]
    backup_age: float | None
    drill_age: float | None

    @property
    def proven(self) -> bool:
        """Whether the last drill brought a backup back to life."""
        return self.facts.backups is not None and self.facts.backups["proven"]

    def as_json(self) -> dict[str, Any]:
        facts, environment = self.facts, self.facts.environment
        return {
            "environment": environment.name,
            "protected": environment.protected,
            "condition": self.condition,
            "reasons": list(self.reasons),
            "declared_version": facts.declared_version,
            "version": self.version,
            "declared_release": facts.declared_release,
            "release": self.release,
            "uptime_seconds": self.uptime,
            "server": facts.state.as_json() if facts.state else None,
            "ports": [
                {"setting": one.setting, "port": one.port, "holder": one.holder, "own": one.own} for one in self.ports
            ],
            "data": str(environment.data_directory),
            "database": environment.data_place if environment.database is not None else None,
            "data_bytes": facts.data_bytes,
            "backup": {
                "last": facts.backups["last_backup"] if facts.backups else None,
                "age_seconds": self.backup_age,
                "last_drill": facts.backups["last_drill"] if facts.backups else None,
                "drill_age_seconds": self.drill_age,
                "proven": self.proven,
            },
            "origin": facts.origin.as_json() if facts.origin else None,
            "drift": list(facts.drift) if facts.drift is not None else None,
            "operation": facts.operation.as_json() if facts.operation else None,
            "unresolved": [one.as_json() for one in facts.unresolved],
            "unseen": list(facts.unseen),
        }


def make_row(facts: EnvironmentFacts) -> StatusRow:
    """Judges what was seen."""
    condition, reasons = _judge(facts)
    payload = facts.health.payload
    is_its_own = condition in ("healthy", "ill", "unmanaged")
    version, release = payload.get("version"), payload.get("release")
    state = facts.state
    since = state.since if state is not None and state.running else None
    backups = facts.backups
    return StatusRow(
        facts=facts,
        condition=condition,
        reasons=(*reasons, *_remarks(facts)),
        version=version if is_its_own and isinstance(version, str) else None,
        release=release if is_its_own and isinstance(release, str) else None,
        uptime=(facts.at - since).total_seconds() if since is not None else None,
        ports=tuple(_port(one, state) for one in state.listening) if state is not None else (),
        backup_age=age(backups["last_backup"], facts.at) if backups else None,
        drill_age=age(backups["last_drill"], facts.at) if backups else None,
    )


def _judge(facts: EnvironmentFacts) -> tuple[Condition, tuple[str, ...]]:
    state = facts.state
    if state is None:
        return "unknown", ()
    if not state.running:
        return _judge_silent(facts, state)
    impostor = find_impostor(state, facts.health, facts.at) if facts.health.healthy else None
    if facts.health.healthy and impostor is None:
        return "healthy", ()
    waits = f"it waits for its data: {state.waits_for}" if state.waits_for else ""
    return "ill", (f"{_sentence(impostor or waits or facts.health.reason)}",)


def _judge_silent(facts: EnvironmentFacts, state: ServiceState) -> tuple[Condition, tuple[str, ...]]:
    """Of one whose server does not run."""
    if state.unmanaged is not None:
        said = "" if facts.health.healthy else f", and {facts.health.reason}"
        return "unmanaged", (f"Not run by {state.manager}: {state.unmanaged} is there{said}.",)
    if not facts.exists:
        name = facts.environment.name
        return "absent", (f"Nothing was made for it yet: homeport init, or homeport provision {name}.",)
    end = state.last_end
    if end is not None and not end.is_clean:
        return "failed", (f"Its server {end}",)
    return ("failed", ()) if end is None and state.note else ("down", ())


def _remarks(facts: EnvironmentFacts) -> list[str]:
    """What is worth a line whatever the condition is."""
    remarks = list(facts.unseen)
    if facts.state is not None and facts.state.note:
        remarks.append(facts.state.note)
    operation = facts.operation
    if operation is not None and operation.holder is not None:
        remarks.append(f"{operation.operation} is being carried out by {operation.holder}.")
    remarks += [
        f"{one}"
        for one in facts.unresolved
        if one.standing == "settled" or operation is None or operation.holder is None
    ]
    if facts.origin is not None:
        when = f" of {facts.origin.at}" if facts.origin.at else ""
        remarks.append(f"Its data came from {facts.origin.environment}{when}.")
    remarks += [f"Drift: {one}." for one in facts.drift or ()]
    payload = facts.health.payload
    found, declared = payload.get("release"), facts.declared_release
    if declared is not None and isinstance(found, str) and found != declared:
        remarks.append(f"It runs the release {found}, and the current one is {declared}: restart it.")
    return remarks


def _port(one: Listening, state: ServiceState) -> PortRow:
    own = next((holder for holder in one.holders if holder.pid in state.pids), None)
    if own is not None:
        return PortRow(one.setting, one.port, str(own), own=True)
    if not one.holders:
        return PortRow(one.setting, one.port, None, own=False)
    holder = one.holders[0]
    # With systemd the first process holds the socket for the server; and not every user may see who holds one.
    unseen = holder.pid is None and state.running and state.unmanaged is None
    is_own = unseen or (state.manager == "systemd" and holder.pid == INIT)
    return PortRow(one.setting, one.port, str(holder), own=is_own)


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text[:1].upper()}{text[1:]}."
