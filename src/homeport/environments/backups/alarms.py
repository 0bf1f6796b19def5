"""When the alarm is raised, and when the heartbeat is left out: decided from findings alone. Pure.

An alarm that rings at every run is switched off by whoever hears it: it is raised when something new is wrong, once a
day while that lasts, and once more when all is well again. The heartbeat is the other way round: it is only ever sent
while all is well, so that a machine that is gone, or a job that no longer runs, is noticed by its silence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from homeport.environments.doctor.finding import Finding

AGAIN: Final = timedelta(days=1)
"""How long an alarm that lasts is silent."""


@dataclass(frozen=True, slots=True)
class AlarmState:
    """What was told last.

    Attributes:
        kinds: of the findings then, sorted.
        told_at: RFC 3339; None where nothing was ever told.
    """

    kinds: tuple[str, ...] = ()
    told_at: str | None = None

    def as_json(self) -> dict[str, Any]:
        """As it is kept between runs."""
        return {"kinds": list(self.kinds), "told_at": self.told_at}


@dataclass(frozen=True, slots=True)
class AlarmDecision:
    """What is to be done now.

    Attributes:
        heartbeat: whether the heartbeat is sent.
        tell: whether people are told.
        state: what to remember once they were.
    """

    heartbeat: bool
    tell: bool
    state: AlarmState


def decide_alarm(findings: Sequence[Finding], before: AlarmState, now: datetime) -> AlarmDecision:
    """Whom to tell of these findings.

    Args:
        findings: all that are wrong now.
        before: what was told last.
        now: the time, with a zone.
    """
    kinds = tuple(sorted({finding.kind for finding in findings}))
    new = set(kinds) - set(before.kinds)
    lasting = bool(kinds) and (before.told_at is None or now - datetime.fromisoformat(before.told_at) >= AGAIN)
    over = bool(before.kinds) and not kinds
    tell = bool(new) or lasting or over
    state = AlarmState(kinds, now.isoformat(timespec="seconds")) if tell else AlarmState(kinds, before.told_at)
    critical = any(finding.severity == "critical" for finding in findings)
    return AlarmDecision(heartbeat=not critical, tell=tell, state=state)


def alarm_document(environment: str, findings: Sequence[Finding], now: datetime) -> dict[str, Any]:
    """What a URL or a program is told, as one JSON object."""
    return {
        "application": "homeport",
        "environment": environment,
        "at": now.isoformat(timespec="seconds"),
        "well": not findings,
        "sentence": alarm_subject(environment, findings),
        "findings": [finding.as_json() for finding in findings],
    }


def alarm_subject(environment: str, findings: Sequence[Finding]) -> str:
    """One line for people."""
    if not findings:
        return f"{environment}: all is well again"
    more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
    return f"{environment}: {findings[0].sentence}{more}"


def alarm_text(findings: Sequence[Finding]) -> str:
    """The body of a message to people."""
    if not findings:
        return "homeport doctor finds nothing any more."
    parts = []
    for finding in findings:
        seen = "\n".join(f"- {line}" for line in finding.evidence)
        parts.append(f"{finding.sentence}\n{seen}\n{finding.consequence} To mend it: {finding.mend}")
    return "\n\n".join(parts)
