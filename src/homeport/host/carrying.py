"""Carries plans out: step by step, each written down first, and taken back where one fails.

A run that was killed is found by the next one in the journal and finished or undone before anything new begins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from typing import Any, Final, Protocol

from homeport.environments.plan import Plan
from homeport.environments.steps import Step
from homeport.errors import HomeportError, NeedsPersonError
from homeport.host.hands import Hand, Hands
from homeport.host.journal import Confirmed, Journal, Operation, Outcome, new_operation_id
from homeport.host.operation_lock import operation_lock


class Watcher(Protocol):
    """Who is told how a plan gets on."""

    def healed(self, operation: Operation, outcome: Outcome) -> None:
        """An operation that was left open by an earlier run has been brought to its end."""

    def begins(self, plan: Plan, number: int) -> None:
        """A step is about to be carried out."""

    def taking_back(self, plan: Plan, why: str) -> None:
        """A plan that failed is undone, from the last step to the first."""


class NoWatcher:
    """For those whom nobody watches."""

    def healed(self, operation: Operation, outcome: Outcome) -> None: ...

    def begins(self, plan: Plan, number: int) -> None: ...

    def taking_back(self, plan: Plan, why: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Carried:
    """A plan that was carried out.

    Attributes:
        operation: its id in the journal.
        results: what steps had to say, by their number.
    """

    operation: str
    results: Mapping[int, Mapping[str, Any]]


def random_part() -> str:
    """The part of an operation's id that tells two of one second apart."""
    return token_hex(3)


_NOBODY: Final = NoWatcher()


class Carrier:
    """Carries out plans for one environment; got from :func:`carrying`, which holds the lock.

    Args:
        journal: of the environment.
        hands: for every kind of step that a plan, or what was left open, may have.
        watcher: is told.
        now: the clock.
        random: the random part of an operation's id.
    """

    def __init__(
        self,
        journal: Journal,
        hands: Hands,
        watcher: Watcher = _NOBODY,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        random: Callable[[], str] = random_part,
    ) -> None:
        self._journal = journal
        self._hands = hands
        self._watcher = watcher
        self._now = now
        self._random = random

    def heal(self) -> list[Operation]:
        """Brings to an end what earlier runs left open: finished where it had to be, else undone.

        Raises:
            NeedsPersonError: one can be neither finished nor undone; the sentence says which step and why.
        """
        healed = []
        for operation in self._journal.operations():
            if not operation.is_open:
                continue
            plan = operation.plan
            if plan.commits(len(operation.done)):
                self._finish(plan, operation)
                outcome: Outcome = "done"
                self._journal.end(operation.id, outcome, "The run before was killed; this one finished it.")
            else:
                self._take_back(plan, operation, "the run before was killed")
                outcome = "undone"
                self._journal.end(operation.id, outcome, operation.sentence or "The run before was killed.")
            self._watcher.healed(operation, outcome)
            healed.append(operation)
        return healed

    def carry_out(self, plan: Plan, confirmed: Confirmed = "") -> Carried:
        """Carries a plan out, after what was left open.

        Args:
            plan: what is to be done.
            confirmed: how it was agreed to, for the journal.

        Raises:
            HomeportError: a step failed, and all was undone.
            NeedsPersonError: a step failed and could not be undone, or failed after the plan's point of no return.
        """
        self.heal()
        operation = Operation(new_operation_id(self._now(), self._random()), plan.as_json(), "", {})
        self._journal.begin(operation.id, plan, confirmed)
        try:
            for number, step in enumerate(plan.steps):
                self._watcher.begins(plan, number)
                operation.inverses[number] = self._inverse(step)
                self._journal.step_begins(operation.id, number, operation.inverses[number])
                self._apply(operation, number, step)
        except BaseException as error:
            if plan.commits(len(operation.done)):
                raise self._stuck(operation, f"{operation.id} is in effect, but not finished", error) from error
            self._watcher.taking_back(plan, str(error) or type(error).__name__)
            self._take_back(plan, operation, str(error) or type(error).__name__)
            self._journal.end(operation.id, "undone", str(error) or type(error).__name__)
            raise
        self._journal.end(operation.id, "done")
        return Carried(operation.id, operation.results)

    def _finish(self, plan: Plan, operation: Operation) -> None:
        for number, step in enumerate(plan.steps):
            if number in operation.done:
                continue
            try:
                if number not in operation.inverses:
                    operation.inverses[number] = self._inverse(step)
                    self._journal.step_begins(operation.id, number, operation.inverses[number])
                self._apply(operation, number, step)
            except (HomeportError, OSError) as error:
                raise self._stuck(operation, f"{operation.id} is in effect, but cannot be finished", error) from error

    def _take_back(self, plan: Plan, operation: Operation, why: str) -> None:
        for number in sorted(set(operation.inverses) - operation.taken_back, reverse=True):
            for inverse in operation.inverses[number]:
                try:
                    self._hand(inverse).apply(inverse)
                except (HomeportError, OSError) as error:
                    what = f"{plan.operation} of {plan.environment} failed ({why}), and could not be undone"
                    raise self._stuck(operation, what, error, inverse) from error
            self._journal.step_taken_back(operation.id, number)
            operation.taken_back.add(number)

    def _stuck(
        self, operation: Operation, what: str, error: BaseException, inverse: Step | None = None
    ) -> NeedsPersonError:
        step = f" Could not {inverse}" if inverse is not None else ""
        hint, details = "Mend that, then run the command again: it goes on where this one stopped.", {}
        said = _words(error)
        if isinstance(error, NeedsPersonError):
            # It knows between what a person must choose.
            said, hint, details = error.sentence, error.hint or hint, error.details
        sentence = f"{what}.{step}: {said}" if step else f"{what}: {said}"
        self._journal.end(operation.id, "stuck", sentence)
        plan = operation.plan
        return NeedsPersonError(
            sentence,
            hint,
            **details,
            operation=operation.id,
            begun=[str(plan.steps[number]) for number in sorted(operation.inverses)],
            taken_back=[str(plan.steps[number]) for number in sorted(operation.taken_back)],
            left=[str(step) for step in plan.steps[len(operation.inverses) :]],
        )

    def _inverse(self, step: Step) -> tuple[Step, ...]:
        try:
            return self._hand(step).inverse(step)
        except OSError as error:
            raise HomeportError(f"Could not {step}: {_words(error)}.") from error

    def _apply(self, operation: Operation, number: int, step: Step) -> None:
        try:
            result = self._hand(step).apply(step)
        except OSError as error:
            raise HomeportError(f"Could not {step}: {_words(error)}.") from error
        self._journal.step_done(operation.id, number, result)
        operation.done.add(number)
        operation.results[number] = result or {}

    def _hand(self, step: Step) -> Hand:
        hand = self._hands.get(type(step))
        if hand is None:
            raise NeedsPersonError(f"Nothing here can {step}.", "Run the command that began it: homeport log names it.")
        return hand


@contextmanager
def carrying(directory: Path, environment: str, hands: Hands, watcher: Watcher = _NOBODY) -> Iterator[Carrier]:
    """A carrier for an environment's operations, alone as long as the block runs.

    Gather facts and make the plan inside the block, after :meth:`Carrier.heal`: what was left open changes them.

    Args:
        directory: the environment's journal directory; must exist.
        environment: its name.
        hands: see :class:`Carrier`.
        watcher: see :class:`Carrier`.

    Raises:
        GuardError: another operation runs.
    """
    with operation_lock(directory, environment):
        yield Carrier(Journal(directory), hands, watcher)


def all_hands(*some: Hands) -> Hands:
    """One mapping of several."""
    found: dict[type[Step], Hand] = {}
    for hands in some:
        found.update(hands)
    return found


def _words(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error) or type(error).__name__
