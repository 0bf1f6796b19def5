"""Carries plans out: step by step, each written down first, and taken back where one fails.

A run that was killed is found by the next one in the journal and finished or undone before anything new begins.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from typing import Any, Final, Protocol

from homeport.environments.plan import Plan
from homeport.environments.steps import Step
from homeport.errors import HomeportError, NeedsPersonError, UndecidedError
from homeport.host.hands import Hand, Hands
from homeport.host.journal import Attempt, Confirmed, Journal, Operation, Outcome, new_operation_id
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
        spans: when each step began and was done, in seconds of a clock that only goes forward.
    """

    operation: str
    results: Mapping[int, Mapping[str, Any]]
    spans: Mapping[int, tuple[float, float]]

    def seconds(self, plan: Plan, first: type[Step], last: type[Step]) -> float | None:
        """From when the first step of one kind began until the last one of another was done; None without either."""
        begins = [self.spans[number][0] for number, step in enumerate(plan.steps) if isinstance(step, first)]
        ends = [self.spans[number][1] for number, step in enumerate(plan.steps) if isinstance(step, last)]
        return max(ends) - min(begins) if begins and ends else None


def random_part() -> str:
    """The part of an operation's id that tells two of one second apart."""
    return token_hex(3)


_NOBODY: Final = NoWatcher()
Look = Callable[[Operation], Sequence[str]]
"""Says how the environment stands, a sentence each, where an operation can be neither finished nor undone."""


def no_look(operation: Operation) -> Sequence[str]:
    """For those who need not be told."""
    del operation
    return ()


def nothing_to_tidy() -> None:
    """For those whose operations leave nothing elsewhere than in their own directories."""


class Carrier:
    """Carries out plans for one environment; got from :func:`carrying`, which holds the lock.

    Args:
        journal: of the environment.
        hands: for every kind of step that a plan, or what was left open, may have.
        watcher: is told.
        now: the clock.
        random: the random part of an operation's id.
        look: see :data:`Look`.
        again: whether what is stuck is tried once more. Not by the clock: each try may stop and start servers.
        tidy: removes what an operation left that was brought to its end, besides its directories.
    """

    def __init__(
        self,
        journal: Journal,
        hands: Hands,
        watcher: Watcher = _NOBODY,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        random: Callable[[], str] = random_part,
        *,
        look: Look = no_look,
        again: bool = True,
        tidy: Callable[[], None] = nothing_to_tidy,
    ) -> None:
        self._journal = journal
        self._hands = hands
        self._watcher = watcher
        self._look = look
        self._again = again
        self._tidy = tidy
        self._now = now
        self._random = random

    def left_open(self) -> list[Operation]:
        """What earlier runs left, and :meth:`heal` has to end.

        Raises:
            HomeportError: the journal cannot be read.
        """
        return [operation for operation in self._journal.operations() if operation.is_open]

    def heal(self) -> list[Operation]:
        """Brings to an end what earlier runs left open: finished where it had to be, else undone.

        Raises:
            NeedsPersonError: one can be neither finished nor undone; the sentence says which step and why.
        """
        healed = []
        for operation in self.left_open():
            outcome = self._end(operation)
            self._watcher.healed(operation, outcome)
            healed.append(operation)
        if healed:
            self._tidy()
        return healed

    def _end(self, operation: Operation) -> Outcome:
        if operation.attempts and not self._again:
            last = operation.attempts[-1]
            raise NeedsPersonError(last.sentence, last.hint, operation=operation.id, state=list(last.state))
        try:
            plan = operation.plan
        except NeedsPersonError as error:
            raise self._stuck(operation, f"{operation.id} was left open", error) from error
        if plan.commits(len(operation.done)):
            self._finish(plan, operation)
            self._journal.end(operation.id, "done", "The run before was killed; this one finished it.")
            return "done"
        cause = operation.attempts[-1].cause if operation.attempts else ""
        self._take_back(plan, operation, cause or "the run before was killed")
        self._journal.end(operation.id, "undone", cause or "The run before was killed.")
        return "undone"

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
        spans: dict[int, tuple[float, float]] = {}
        self._journal.begin(operation.id, plan, confirmed)
        try:
            for number, step in enumerate(plan.steps):
                self._watcher.begins(plan, number)
                operation.inverses[number] = self._inverse(step)
                self._journal.step_begins(operation.id, number, operation.inverses[number])
                began = time.monotonic()
                self._apply(operation, number, step)
                spans[number] = (began, time.monotonic())
            self._journal.end(operation.id, "done")
        except BaseException as error:
            if plan.commits(len(operation.done)):
                raise self._stuck(operation, f"{operation.id} is in effect, but not finished", error) from error
            self._watcher.taking_back(plan, str(error) or type(error).__name__)
            self._take_back(plan, operation, str(error) or type(error).__name__)
            # All is undone, whether the disk has room for that line or not: the next run writes it.
            with suppress(OSError):
                self._journal.end(operation.id, "undone", str(error) or type(error).__name__)
            raise
        return Carried(operation.id, operation.results, spans)

    def _finish(self, plan: Plan, operation: Operation) -> None:
        for number, step in enumerate(plan.steps):
            if number in operation.done:
                continue
            try:
                if number not in operation.inverses:
                    operation.inverses[number] = self._inverse(step)
                    self._journal.step_begins(operation.id, number, operation.inverses[number])
                self._apply(operation, number, step)
            except Exception as error:
                raise self._stuck(operation, f"{operation.id} is in effect, but cannot be finished", error) from error

    def _take_back(self, plan: Plan, operation: Operation, why: str) -> None:
        what = f"{plan.operation} of {plan.environment} failed ({why}), and could not be undone"
        for number in sorted(set(operation.inverses) - operation.taken_back, reverse=True):
            for inverse in operation.inverses[number]:
                try:
                    self._hand(inverse).apply(inverse)
                except Exception as error:
                    raise self._stuck(operation, what, error, why, inverse) from error
            try:
                self._journal.step_taken_back(operation.id, number)
            except OSError as error:
                # A full disk has room again when what fills it was taken back. Until then only what nothing takes back
                # may be done a second time.
                if operation.inverses[number]:
                    raise self._stuck(operation, what, error, why) from error
            operation.taken_back.add(number)

    def _stuck(
        self, operation: Operation, what: str, error: BaseException, cause: str = "", inverse: Step | None = None
    ) -> NeedsPersonError:
        environment = str(operation.plan_json["environment"])
        said, details = _words(error), {}
        on = f"Mend that, then homeport settle {environment} goes on where this stopped."
        if isinstance(error, NeedsPersonError):
            said, on, details = error.sentence, error.hint or on, error.details
        end = (
            f" Where nothing mends it, homeport settle {environment} {operation.id} --why TEXT ends it as things are,"
            " and restore, deploy and rollback work again."
        )
        hint = on if isinstance(error, UndecidedError) else on + end
        sentence = f"{what}. Could not {inverse}: {said}" if inverse is not None else f"{what}: {said}"
        state = tuple(self._look(operation))
        # What cannot be written down is told all the same.
        with suppress(OSError):
            step = type(inverse).__name__ if inverse is not None else ""
            self._journal.stick(operation.id, Attempt("", sentence, cause, hint, step, state))
        steps = operation.steps
        return NeedsPersonError(
            sentence,
            hint,
            **details,
            operation=operation.id,
            begun=[steps[number] for number in sorted(operation.inverses)],
            taken_back=[steps[number] for number in sorted(operation.taken_back)],
            left=steps[len(operation.inverses) :],
            state=list(state),
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
def carrying(
    directory: Path,
    environment: str,
    hands: Hands,
    watcher: Watcher = _NOBODY,
    look: Look = no_look,
    *,
    again: bool = True,
    tidy: Callable[[], None] = nothing_to_tidy,
) -> Iterator[Carrier]:
    """A carrier for an environment's operations, alone as long as the block runs.

    Gather facts and make the plan inside the block, after :meth:`Carrier.heal`: what was left open changes them.

    Args:
        directory: the environment's journal directory; must exist.
        environment: its name.
        hands: see :class:`Carrier`.
        watcher: see :class:`Carrier`.
        look: see :class:`Carrier`.
        again: see :class:`Carrier`.
        tidy: see :class:`Carrier`.

    Raises:
        GuardError: another operation runs.
    """
    with operation_lock(directory, environment):
        yield Carrier(Journal(directory), hands, watcher, look=look, again=again, tidy=tidy)


def all_hands(*some: Hands) -> Hands:
    """One mapping of several."""
    found: dict[type[Step], Hand] = {}
    for hands in some:
        found.update(hands)
    return found


def _words(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    if isinstance(error, HomeportError):
        return str(error)
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
