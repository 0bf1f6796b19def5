"""Ends an operation that can be neither finished nor undone, as things are, because a person said so."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from homeport.environments.environment import Environment
from homeport.environments.releases.steps import AwaitRelease
from homeport.errors import GuardError, HomeportError, UsageError
from homeport.host.carrying import Look
from homeport.host.journal import Journal, Operation
from homeport.host.releases.aside import set_apart
from homeport.host.releases.stuck import waits_for_decision
from homeport.host.services.hold import forget_hold


def find_to_settle(environment: Environment, named: str) -> Operation:
    """The operation of an id, which must be stuck.

    Raises:
        UsageError: there is none, or it has ended.
        GuardError: nobody has tried to bring it to its end, or a person has a choice that does.
    """
    name = environment.name
    found = {one.id: one for one in Journal(Path(environment.journal_directory)).operations()}
    operation = found.get(named)
    if operation is None:
        raise UsageError(f"The journal of {name} has no operation {named}.", f"homeport log {name} lists them.")
    if not operation.is_open:
        raise UsageError(
            f"{named} is not stuck: it is {operation.outcome}{_because(operation)}.", f"homeport log {name} {named}"
        )
    if operation.outcome is None:
        raise GuardError(
            f"{named} was left open, and nobody has tried yet to finish or undo it: it is not settled.",
            f"homeport settle {name} tries; if that fails, it can be settled.",
        )
    if waits_for_decision(operation):
        hint = operation.attempts[-1].hint
        raise GuardError(f"{named} waits for a choice, and ends with it: it is not settled.", hint)
    return operation


def settle(environment: Environment, operation: Operation, why: str, look: Look) -> list[str]:
    """Ends it in the journal; what was half done stays. The operation lock is held.

    Whatever held or allowed something on the operation's behalf does so no more: a server says itself whether it can
    use the data. Data that it kept aside get a name with its id.

    Args:
        environment: whose.
        operation: from :func:`find_to_settle`.
        why: what the person says.
        look: says how the environment stands.

    Returns:
        How the environment stands now.
    """
    # It is settled whatever else is broken.
    with suppress(OSError):
        forget_hold(environment)
        for aside in _asides(operation):
            set_apart(aside, operation.id)
    state = list(look(operation))
    Journal(Path(environment.journal_directory)).settle(operation.id, why, state)
    return state


def _asides(operation: Operation) -> list[Path]:
    try:
        return [Path(step.aside) for step in operation.plan.steps if isinstance(step, AwaitRelease)]
    except HomeportError:
        # This version does not know what it did; what it left is named by its state.
        return []


def _because(operation: Operation) -> str:
    return f" ({operation.sentence.removesuffix('.')})" if operation.sentence else ""
