"""Operations that a run which was killed, or a person, left as they stood."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from homeport.environments.doctor.facts import HostFacts
from homeport.environments.doctor.finding import Finding, Kind, Severity
from homeport.environments.environment import Environment
from homeport.environments.unresolved import Standing, Unresolved

_JUDGED: Final[Mapping[Standing, tuple[Kind, Severity, str]]] = {
    "open": ("operation-open", "warning", "What it was changing may be half done until then."),
    "stuck": (
        "operation-stuck",
        "critical",
        "Nothing else is done to it until then: no backup, no deploy, no restore.",
    ),
    "settled": ("operation-settled", "warning", "What it left half done is as it was left."),
}


def find_operation_faults(environments: Sequence[Environment], facts: HostFacts) -> Iterator[Finding]:
    """What is left of operations that came to no good end."""
    for environment in environments:
        for one in facts.unresolved.get(environment.name, ()):
            yield _finding(environment, one)


def _finding(environment: Environment, one: Unresolved) -> Finding:
    kind, severity, consequence = _JUDGED[one.standing]
    evidence = [f"begun {one.begun_at}; homeport log {environment.name} {one.id} shows its steps"]
    if one.standing == "stuck":
        times = "once" if one.attempts == 1 else f"{one.attempts} times"
        evidence.append(f"tried {times}, last {one.last_at}: {one.sentence}")
    elif one.standing == "settled":
        evidence.append(f"settled {one.last_at}")
    return Finding(
        kind=kind,
        environment=environment.name,
        severity=severity,
        sentence=str(one),
        evidence=tuple(evidence),
        consequence=consequence,
        mend=one.mend,
        subject=one.id,
    )
