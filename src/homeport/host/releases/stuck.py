"""A change of release that waits for a person: going back would lose what was stored since."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from homeport.environments.backups.data_steps import Discard, Unpack
from homeport.environments.environment import Environment
from homeport.environments.releases.steps import AwaitRelease, DemandNothingLost
from homeport.environments.steps import Link
from homeport.host.hands.files import FILE_HANDS
from homeport.host.journal import Journal, Operation
from homeport.host.releases.aside import drop
from homeport.host.releases.hands import ReleaseSurroundings
from homeport.host.services.hold import forget_hold


@dataclass(frozen=True, slots=True)
class Stuck:
    """What is to be decided.

    Attributes:
        operation: its id in the journal.
        release: the id of the release that was left serving.
        aside: where the data lie as they were before.
        is_copy: whether that goes with the decision to stay; else a person removes it.
        leftovers: what the change worked in.
    """

    operation: str
    release: str
    aside: PurePosixPath
    is_copy: bool
    leftovers: tuple[PurePosixPath, ...] = ()


def find_stuck(environment: Environment) -> Stuck | None:
    """The change that waits; None where none does, one that is stuck for another reason included."""
    for operation in Journal(Path(environment.journal_directory)).operations():
        if not waits_for_decision(operation):
            continue
        steps = operation.plan.steps
        # Where a backup took the place of the data, what they were is a person's.
        is_copy = not any(isinstance(step, Unpack) for step in steps)
        for step in steps:
            if isinstance(step, AwaitRelease):
                left = tuple(one.path for one in steps if isinstance(one, Discard) and one.path != step.aside)
                return Stuck(operation.id, step.release, step.aside, is_copy, left)
    return None


def waits_for_decision(operation: Operation) -> bool:
    """Whether an operation is stuck only because a person has to choose."""
    return operation.outcome == "stuck" and operation.attempts[-1].step == DemandNothingLost.__name__


def stay(around: ReleaseSurroundings, stuck: Stuck) -> None:
    """Ends the change with the release that serves, and what it stored."""
    environment, shelf, known = around.environment, around.shelf, around.known(stuck.release)
    target = environment.releases_directory / stuck.release
    # It may have been left before it was the current one.
    FILE_HANDS[Link].apply(Link(environment.current_release, target))
    forget_hold(environment)
    served = around.now().isoformat(timespec="milliseconds")
    shelf.write(replace(known, state="good", reason="a person chose to stay with it", served=served))
    journal = Journal(Path(environment.journal_directory))
    journal.end(stuck.operation, "done", f"A person chose to stay with {stuck.release}.")
    for path in (*((stuck.aside,) if stuck.is_copy else ()), *stuck.leftovers):
        drop(Path(path))
