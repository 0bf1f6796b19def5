"""The two slots of an environment's server: one serves, and the other is started beside it to take over.

Somebody else holds the listening sockets meanwhile, so that nobody is refused: systemd (:mod:`.systemd_slots`), or the
keeper of a plain process (:mod:`.process_slots`). What a slot runs is changed only while it does not run.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final, Protocol

from homeport.contract import ExitCode
from homeport.environments.environment import Environment
from homeport.environments.machine.units import SLOTS
from homeport.environments.releases.release import is_release_id
from homeport.environments.services.state import ServiceEnd
from homeport.environments.steps import Step
from homeport.errors import CannotStartError, HomeportError
from homeport.host.served_copy import CopyClient
from homeport.host.services.hold import Hold, forget_hold, held

_BETWEEN: Final = 0.05
_ANSWER: Final = 5.0
_SETTLE_SECONDS: Final = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """How one slot is.

    Attributes:
        name: as people know what runs in it.
        active: whether it has said that it is ready, and was not told to end since.
        coming: whether it was started and has not said so yet, or is about to be.
        began: when it was started last; of two, the later one has the larger number.
        code: the exit code of what ran in it last; None where it runs, or nobody knows.
    """

    name: str
    active: bool
    coming: bool
    began: int
    code: int | None = None


class SlotRunner(Protocol):
    """Holds the sockets, and runs servers in slots.

    Attributes:
        first: the slot that is started for whoever connects while none runs; None where none is.
    """

    first: str | None

    def look(self) -> Mapping[str, Slot]:
        """How the slots are."""

    def target(self, slot: str) -> PurePosixPath | None:
        """What a slot runs, or would: the directory of a release, or of what is installed; None where nobody knows."""

    def point(self, slots: Iterable[str], target: PurePosixPath) -> None:
        """Has slots that do not run be of a target."""

    def begin(self, slot: str) -> None:
        """Starts a slot that does not run; that it is ready is not waited for."""

    def begin_again(self, slot: str) -> None:
        """Ends a slot that waits, and starts it; in between it is about to run."""

    def stop(self, slots: Iterable[str]) -> None:
        """Ends slots, each after it has answered what it was asked; the sockets stay."""

    def stand_ready(self, slot: str | None) -> None:
        """Has a slot be started, should this process be killed while none runs; None: none any more."""

    def probe(self, slot: str) -> Path:
        """Where a slot is asked before it gets the ports."""

    def end_of(self, slot: str) -> ServiceEnd | None:
        """How the last run of a slot ended; None where nobody knows."""

    def back_to(self) -> tuple[Step, ...]:
        """What brings slots that do not run back to what they are of now."""


class Slots:
    """The slots of one environment.

    Args:
        environment: whose.
        runner: has them.
        pause: waits for so many seconds.
        clock: seconds, only forwards.
    """

    def __init__(
        self,
        environment: Environment,
        runner: SlotRunner,
        *,
        pause: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._environment = environment
        self._runner = runner
        self._pause = pause
        self._clock = clock

    def serving(self) -> str | None:
        """The slot that serves; None where none does."""
        active = {name: slot.began for name, slot in self._runner.look().items() if slot.active}
        # Where both are, the older one has the ports.
        return min(active, key=lambda name: active[name]) if active else None

    def target(self, slot: str) -> PurePosixPath | None:
        """What a slot runs, or would; see :class:`SlotRunner`."""
        return self._runner.target(slot)

    def keep_one(self) -> None:
        """Of two that run, the one that does not have the ports ends."""
        serving = self.serving()
        if serving is not None:
            self._runner.stop([_other(serving)])

    def hand_over(self, target: PurePosixPath, release: str, seconds: float, *, demand_health: bool = True) -> None:
        """Has a target serve; the slot that served accepts until the other one is ready to.

        Args:
            target: the directory of a release.
            release: its id, which the server must say; empty where it has none.
            seconds: how long it may take until it is ready.
            demand_health: whether it must be healthy, and not only run.

        Raises:
            HomeportError: it does not come up, or runs already and is ill; what served before still does, if it did.
        """
        forget_hold(self._environment)
        slots = self._runner.look()
        active = [name for name in SLOTS if slots[name].active]
        chosen = next((name for name in active if self.target(name) == target), None)
        if chosen is None:
            # Of two that run, the one that came last is no help.
            idle = [name for name in SLOTS if name not in active]
            chosen = idle[0] if idle else max(active, key=lambda name: slots[name].began)
            other = _other(chosen)
            # One that does not come up must not be counted against the sockets, which fall with their service.
            self._runner.stop([chosen, *([] if slots[other].active else [other])])
            self._runner.point([chosen], target)
            self._runner.begin(chosen)
        elif chosen == self.serving():
            # The other one came for nothing, and what serves goes on, however it is.
            self._leave(chosen, target)
        # That it runs already says nothing: an earlier try may have begun it and found it ill.
        self._await(chosen, release, seconds, demand_health=demand_health)
        self._leave(chosen, target)

    def renew(self, seconds: float, *, demand_health: bool = True) -> None:
        """Has the same program serve anew, as it is now: in the idle slot, beside the one that serves until then.

        Args:
            seconds: how long it may take until it is ready.
            demand_health: whether it must be healthy, and not only run.

        Raises:
            CannotStartError: it ended, saying that no retry mends it; what served before still does.
            HomeportError: it does not come up; what served before still does.
        """
        chosen = self._idle()
        self._runner.stop([chosen])
        self._runner.begin(chosen)
        try:
            self._await(chosen, release_at(self.target(chosen)), seconds, demand_health=demand_health)
        except HomeportError as error:
            failed = self._runner.look()[chosen].code == ExitCode.CANNOT_START
            self._runner.stop([chosen])
            raise CannotStartError(error.sentence, error.hint) if failed else error from None
        self._runner.stop([_other(chosen)])

    def renew_alone(self, seconds: float) -> None:
        """The same, but that the one that serves ends first: of two schemas, they cannot both have the data open.

        It is started before that, and waits for the data; who connects meanwhile waits too.

        Args:
            seconds: how long it may take until it is ready.

        Raises:
            HomeportError: it does not come up; none runs.
        """
        chosen = self._idle()
        self._runner.stop([chosen])
        with held(self._environment, release_at(self.target(chosen))):
            self._runner.begin(chosen)
            self._runner.stop([_other(chosen)])
        self._await(chosen, release_at(self.target(chosen)), seconds, demand_health=True)

    def exchange(
        self,
        target: PurePosixPath,
        release: str,
        seconds: float,
        change: Callable[[Hold], None],
        *,
        anew: bool = False,
        demand_health: bool = True,
    ) -> float:
        """Has a target serve which cannot live beside the one that serves; who connects meanwhile waits.

        It is started before the other one ends, and waits itself: as long as one slot is about to run, nobody starts
        the first one for those who connect.

        Args:
            target: the directory of a release.
            release: its id; empty where it has none.
            seconds: how long it may take until it is ready.
            change: what is done to the data while no server has them open; says whom they are for.
            anew: whether another directory is in the place of the data then: a sandbox that was made before shows the
                one that was there.
            demand_health: whether it must be healthy, and not only run.

        Returns:
            For how many seconds nobody was answered.

        Raises:
            HomeportError: it does not come up, or the change failed.
        """
        runner = self._runner
        first = runner.first or self.serving() or SLOTS[0]
        if runner.first is not None:
            try:
                self._settle(first)
            except HomeportError:
                # What serves is so unwell that it does not start again: it serves where it is until the other is ready.
                first = _other(first)
        chosen = _other(first)
        before = self.target(first)
        runner.stop([chosen])
        runner.point([chosen], target)
        with held(self._environment, release_at(before)) as hold:
            try:
                runner.begin(chosen)
                # Should this process die now, the first one serves those who connect.
                runner.stand_ready(first)
                runner.stop([first])
                began = self._clock()
                change(hold)
                # The data are the target's from now on, whichever slot may be started.
                runner.point([first], target)
                if anew:
                    runner.begin_again(chosen)
            except BaseException:
                runner.stop([chosen])
                raise
        self._await(chosen, release, seconds, demand_health=demand_health)
        runner.stand_ready(None)
        return self._clock() - began

    def _leave(self, slot: str, target: PurePosixPath) -> None:
        """Has one slot run, and the other one be of the same target."""
        self._runner.stop([_other(slot)])
        self._runner.point([_other(slot)], target)

    def _idle(self) -> str:
        """The slot that does not have the ports."""
        serving = self.serving()
        return _other(serving) if serving is not None else SLOTS[0]

    def _settle(self, slot: str) -> None:
        """Has what serves do so in this slot: the one that is started for those who connect, where none runs."""
        serving = self.serving()
        target = self.target(serving) if serving is not None else None
        if serving in (None, slot) or target is None:
            return
        self._runner.stop([slot])
        self._runner.point([slot], target)
        self._runner.begin(slot)
        self._await(slot, release_at(target), _SETTLE_SECONDS, demand_health=False)
        self._runner.stop([_other(slot)])

    def _await(self, slot: str, release: str, seconds: float, *, demand_health: bool) -> None:
        """Waits until a slot is ready, and is what it should be."""
        client = CopyClient(self._runner.probe(slot), None, _ANSWER)
        deadline, reason = self._clock() + seconds, "it does not say that it is ready"
        while True:
            found = self._runner.look()[slot]
            if not found.active and not found.coming:
                raise HomeportError(f"{found.name} did not come up: it {self._runner.end_of(slot) or 'ended'}")
            if found.active:
                answer = client.health(self._environment.name)
                said, reason = answer.payload.get("release") or "", answer.reason
                if answer.payload and said != release:
                    raise HomeportError(f"What {found.name} runs is {said or 'no release'}, not {release or 'none'}.")
                if answer.healthy or not demand_health:
                    return
            if self._clock() >= deadline:
                raise HomeportError(
                    f"{found.name} was not healthy within {seconds:.0f} seconds: {reason.removesuffix('.')}."
                )
            self._pause(_BETWEEN)


def release_at(target: PurePosixPath | None) -> str:
    """The id of the release that a slot leads to; empty where that is none."""
    return target.name if target is not None and is_release_id(target.name) else ""


def _other(slot: str) -> str:
    return SLOTS[1 - SLOTS.index(slot)]
