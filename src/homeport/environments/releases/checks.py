"""What is looked at before a release is built, and what is made of it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from homeport.environments.environment import Environment
from homeport.environments.machine.drift import Drift
from homeport.errors import GuardError

Weight = Literal["ok", "warning", "refusal"]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: ``drift``, ``tests``, ``proven``, ``backup`` or ``drill``.
        weight: whether it is well, worth a word, or a reason not to deploy.
        sentence: what was found.
        hint: what to do.
    """

    name: str
    weight: Weight
    sentence: str
    hint: str = ""

    def as_json(self) -> dict[str, str]:
        return {"check": self.name, "weight": self.weight, "sentence": self.sentence}


@dataclass(frozen=True, slots=True, kw_only=True)
class Proving:
    """The environment that must have served a commit.

    Attributes:
        name: of it.
        commit: the whole name of what it serves; None where nobody knows.
        healthy: whether it is well now.
    """

    name: str
    commit: str | None
    healthy: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What was found.

    Attributes:
        drift: where its units are not as declared; None where systemd does not run it.
        refused: what the declared check said that refuses the commit; None where it agrees, or there is none.
        proving: the environment that must have served it; None where none is declared.
        last_backup: when the last good one was made; None where none was.
        last_drill: when one was last proven; None where none was.
        proven: whether that drill succeeded.
    """

    drift: tuple[Drift, ...] | None = None
    refused: str | None = None
    proving: Proving | None = None
    last_backup: datetime | None = None
    last_drill: datetime | None = None
    proven: bool = False


def judge(environment: Environment, found: Found, commit: str | None, now: datetime) -> list[Check]:
    """What follows; of a commit only where one is to be built.

    Args:
        environment: that is deployed to.
        found: what was found.
        commit: the whole name.
        now: the clock.
    """
    checks = [] if found.drift is None else [_drift(environment, found.drift)]
    if commit is not None:
        checks += [_tests(environment, found.refused, commit)] if environment.deploy.check else []
        checks += [_proven(found.proving, commit)] if found.proving is not None else []
    return [*checks, _backup(environment, found, now), _drill(environment, found, now)]


def demand(checks: Sequence[Check]) -> None:
    """Refuses where a check does.

    Raises:
        GuardError: one does.
    """
    refusals = [one for one in checks if one.weight == "refusal"]
    if refusals:
        first, more = refusals[0], len(refusals) - 1
        raise GuardError(
            f"{first.sentence}{f' ({more} more.)' if more else ''}",
            f"{first.hint} --anyway deploys all the same, and that is remembered.",
            checks=[one.as_json() for one in checks],
        )


def _drift(environment: Environment, drift: Sequence[Drift]) -> Check:
    # Drop-ins are a person's right.
    meant = [one for one in drift if one.kind != "override"]
    if not meant:
        return Check("drift", "ok", "The machine is as it was provisioned.")
    more = f" ({len(meant) - 1} more)" if len(meant) > 1 else ""
    return Check("drift", "refusal", f"{meant[0]}{more}.", f"homeport provision {environment.name} mends it.")


def _tests(environment: Environment, refused: str | None, commit: str) -> Check:
    if refused is None:
        return Check("tests", "ok", f"{environment.deploy.check[0]} agrees to {commit[:7]}.")
    sentence = f"{environment.deploy.check[0]} does not agree to {commit[:7]}: {refused}"
    return Check("tests", "refusal", sentence, "Deploy a commit that it agrees to.")


def _proven(proving: Proving, commit: str) -> Check:
    if proving.commit != commit:
        serves = f"serves {proving.commit[:7]}" if proving.commit else "serves no known commit"
        return Check(
            "proven", "refusal", f"{proving.name} {serves}, not {commit[:7]}.", f"Bring it to {proving.name} first."
        )
    if not proving.healthy:
        return Check(
            "proven", "refusal", f"{proving.name} has {commit[:7]}, and is not healthy.", "homeport doctor says why."
        )
    return Check("proven", "ok", f"{proving.name} serves {commit[:7]} well.")


def _backup(environment: Environment, found: Found, now: datetime) -> Check:
    if found.last_backup is None:
        return Check("backup", "warning", "No good backup was made yet; this deploy makes one.")
    return _age("backup", "The last good backup", now - found.last_backup, environment.backup.max_age_hours)


def _drill(environment: Environment, found: Found, now: datetime) -> Check:
    if found.last_drill is None or not found.proven:
        how = "failed" if found.last_drill is not None else "was never made"
        return Check("drill", "warning", f"A drill {how}: nobody knows whether a backup can be restored.")
    return _age("drill", "The last drill", now - found.last_drill, environment.backup.drill_max_age_hours)


def _age(name: str, what: str, age: timedelta, limit: float) -> Check:
    hours = age.total_seconds() / 3600
    old = limit and hours > limit
    return Check(name, "warning" if old else "ok", f"{what} is {hours:.0f} hours old.")
