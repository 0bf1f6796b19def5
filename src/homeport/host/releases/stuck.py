"""A change of release that waits for a person: going back would lose what was stored since."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from homeport.environments.environment import Environment
from homeport.environments.releases.steps import AwaitRelease
from homeport.host.journal import Journal
from homeport.host.releases.aside import drop
from homeport.host.releases.hands import ReleaseSurroundings


@dataclass(frozen=True, slots=True)
class Stuck:
    """What is to be decided.

    Attributes:
        operation: its id in the journal.
        release: the id of the release that was left serving.
        aside: where the data lie as they were before.
        is_copy: whether that is a copy, which goes with the decision to stay; else a person removes it.
    """

    operation: str
    release: str
    aside: PurePosixPath
    is_copy: bool


def find_stuck(environment: Environment) -> Stuck | None:
    """The change that waits; None where none does."""
    for operation in Journal(Path(environment.journal_directory)).operations():
        if operation.outcome != "stuck":
            continue
        for step in operation.plan.steps:
            if isinstance(step, AwaitRelease):
                return Stuck(operation.id, step.release, step.aside, step.position is None)
    return None


def stay(around: ReleaseSurroundings, stuck: Stuck) -> None:
    """Ends the change with the release that serves, and what it stored."""
    known = around.known(stuck.release)
    served = around.now().isoformat(timespec="milliseconds")
    around.shelf.write(replace(known, state="good", reason="a person chose to stay with it", served=served))
    journal = Journal(Path(around.environment.journal_directory))
    journal.end(stuck.operation, "done", f"A person chose to stay with {stuck.release}.")
    if stuck.is_copy:
        drop(Path(stuck.aside))
