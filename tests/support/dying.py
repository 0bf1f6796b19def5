"""Kills a run at every point at which it touches the machine or its journal, for real: a child that gets SIGKILL."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from homeport.environments.steps import Step
from homeport.host.hands import Hand, Hands
from homeport.host.journal import Journal

Point = Callable[[], None]


class _Counted:
    """A hand that passes a point before and after all that it does."""

    def __init__(self, hand: Hand, point: Point) -> None:
        self._hand = hand
        self._point = point

    def inverse(self, step: Step) -> tuple[Step, ...]:
        self._point()
        return self._hand.inverse(step)

    def apply(self, step: Step) -> Mapping[str, Any] | None:
        self._point()
        result = self._hand.apply(step)
        self._point()
        return result


def counted_hands(hands: Hands, point: Point) -> Hands:
    """The same hands, which pass a point before and after each thing that they do."""
    return {kind: _Counted(hand, point) for kind, hand in hands.items()}


class CountedJournal(Journal):
    """A journal that passes a point before and after each record; set ``point`` before use."""

    point: Point

    def _append(self, operation: str, event: str, **values: object) -> None:
        self.point()
        super()._append(operation, event, **values)
        self.point()


Moment = Literal["begun", "applied", "done"]
"""Of a step: it is written down that it begins; it is done, and that is not written down; it is."""


class MortalJournal(Journal):
    """A journal that passes a point at one moment of one step; set ``point`` and ``at`` before use."""

    point: Point
    at: tuple[int, Moment]

    def step_begins(self, operation: str, number: int, inverse: Sequence[Step]) -> None:
        super().step_begins(operation, number, inverse)
        self._pass(number, "begun")

    def step_done(self, operation: str, number: int, result: Mapping[str, Any] | None = None) -> None:
        self._pass(number, "applied")
        super().step_done(operation, number, result)
        self._pass(number, "done")

    def _pass(self, number: int, moment: Moment) -> None:
        if self.at == (number, moment):
            self.point()


def killed_at(number: int, run: Callable[[Point], None]) -> bool:
    """Runs in a child that is killed at its point of this number (0 is the first).

    Returns:
        Whether it was killed; False where it ended before it passed so many points.
    """
    child = os.fork()
    if child == 0:
        _be_the_child(number, run)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(status) == 0, "the child failed by itself; its traceback is above"
    return False


def _be_the_child(number: int, run: Callable[[Point], None]) -> None:
    passed = 0

    def point() -> None:
        nonlocal passed
        if passed == number:
            os.kill(os.getpid(), signal.SIGKILL)
        passed += 1

    try:
        run(point)
    except BaseException:  # noqa: BLE001 - whatever it was, it must not go on as a second pytest
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)
