"""Replicas: that stand still, that are dead, that do not give back what they should."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from homeport.environments.backups.replication import is_behind
from homeport.environments.doctor.facts import HostFacts, ReplicaFact
from homeport.environments.doctor.finding import Finding, Kind
from homeport.environments.environment import Environment
from homeport.environments.words import span


def find_replica_faults(environments: Sequence[Environment], facts: HostFacts) -> Iterator[Finding]:
    """What is wrong with how the declared replicas follow: their positions are compared, Litestream is not believed."""
    for environment in environments:
        fact = facts.replicas.get(environment.name)
        if fact is not None:
            yield from _faults(environment, fact, facts)


def _faults(environment: Environment, fact: ReplicaFact, facts: HostFacts) -> Iterator[Finding]:
    name = environment.name
    if fact.problem:
        yield _finding(environment, "replica-unreadable", f"The replica of {name} cannot be asked.", (fact.problem,))
        return
    newest = f"its newest moment: {_at(fact)}"
    if fact.wanted and not fact.running:
        sentence = f"Nothing replicates {name}, though {environment.backup.continuous} is declared for it."
        yield _finding(environment, "replica-dead", sentence, (newest, "no litestream holds its lock"))
    elif is_behind(fact.newest, fact.last_event, facts.now):
        yield _finding(environment, "replica-behind", _behind(environment, fact), (newest, f"the data: {_event(fact)}"))
    if fact.proof_failure:
        sentence = f"The replica of {name} did not give back what it should in its last drill."
        yield _finding(environment, "replica-not-proven", sentence, (fact.proof_failure,))


def _behind(environment: Environment, fact: ReplicaFact) -> str:
    if fact.newest is None or fact.last_event is None:
        return f"The replica of {environment.name} holds nothing."
    return f"The replica of {environment.name} is {span((fact.last_event - fact.newest).total_seconds())} behind."


def _event(fact: ReplicaFact) -> str:
    return f"the last event is of {fact.last_event:%Y-%m-%d %H:%M:%S %Z}" if fact.last_event else "nothing happened yet"


def _at(fact: ReplicaFact) -> str:
    return f"{fact.newest:%Y-%m-%d %H:%M:%S %Z}" if fact.newest else "it has none"


def _finding(environment: Environment, kind: Kind, sentence: str, evidence: Sequence[str]) -> Finding:
    name, unit = environment.name, f"{environment.unit}-replica"
    return Finding(
        kind=kind,
        environment=environment.name,
        severity="critical",
        sentence=sentence,
        evidence=tuple(evidence),
        consequence="What was written since the last backup may be lost with this disk.",
        mend=f"homeport logs {name} or journalctl -u {unit} says why; homeport restart {name} or "
        f"systemctl restart {unit} starts it anew, and homeport backup drill {name} proves it",
    )
