"""The two slots of an environment's unit: one serves, and the other is started beside it to take over.

Each runs what its own link leads to, and a link is changed only while its slot does not run. systemd holds the
listening sockets meanwhile, so that nobody is refused.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath
from typing import Final

from homeport.contract import ExitCode
from homeport.environments.environment import Environment
from homeport.environments.machine.units import PROBE_SOCKET, SLOTS
from homeport.environments.releases.release import is_release_id
from homeport.environments.steps import Link
from homeport.errors import CannotStartError, HomeportError
from homeport.host.hands.files import FILE_HANDS
from homeport.host.machine.systemctl import systemctl
from homeport.host.machine.units import forget_failure
from homeport.host.served_copy import CopyClient
from homeport.host.services.hold import Hold, forget_hold, held
from homeport.host.services.show import Unit
from homeport.host.services.systemd import end_of, show_units

_BETWEEN: Final = 0.05
_ANSWER: Final = 5.0
_STOP_SECONDS: Final = 180.0
_SETTLE_SECONDS: Final = 120.0
_RUN: Final = Path("/run")


class Slots:
    """The slots of one environment.

    Args:
        environment: whose; it was provisioned.
        pause: waits for so many seconds.
        clock: seconds, only forwards.
    """

    def __init__(
        self,
        environment: Environment,
        *,
        pause: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._environment = environment
        self._pause = pause
        self._clock = clock

    def serving(self) -> str | None:
        """The slot that serves; None where none does."""
        active = {slot: unit.began for slot, unit in self._units().items() if unit.is_active}
        # Where both are, the older one has the ports.
        return min(active, key=lambda slot: active[slot]) if active else None

    def target(self, slot: str) -> PurePosixPath | None:
        """What a slot runs, or would: the directory of a release; None where there is no link."""
        link = Path(self._environment.slot_link(slot))
        return PurePosixPath(link.readlink()) if link.is_symlink() else None

    def hand_over(self, target: PurePosixPath, release: str, seconds: float, *, demand_health: bool = True) -> None:
        """Has a target serve; the slot that served accepts until the other one is ready to.

        Args:
            target: the directory of a release.
            release: its id, which the server must say; empty where it has none.
            seconds: how long it may take until it is ready.
            demand_health: whether it must be healthy, and not only run.

        Raises:
            HomeportError: it does not come up; what served before still does, if it did.
        """
        forget_hold(self._environment)
        units = self._units()
        active = [slot for slot in SLOTS if units[slot].is_active]
        chosen = next((slot for slot in active if self.target(slot) == target), None)
        if chosen is None:
            # Of two that run, the one that came last is no help.
            idle = [slot for slot in SLOTS if slot not in active]
            chosen = idle[0] if idle else max(active, key=lambda slot: units[slot].began)
            other = _other(chosen)
            # One that does not come up must not be counted against the sockets, which fall with their service.
            self.stop([chosen, *([] if units[other].is_active else [other])])
            self._point([chosen], target)
            self._begin(chosen)
            self._await(chosen, release, seconds, demand_health=demand_health)
        self.stop([_other(chosen)])
        self._point([_other(chosen)], target)

    def renew(self, seconds: float, *, demand_health: bool = True) -> None:
        """Has the same program serve anew, as it is now: in the idle slot, beside the one that serves until then.

        Args:
            seconds: how long it may take until it is ready.
            demand_health: whether it must be healthy, and not only run.

        Raises:
            CannotStartError: it ended, saying that no retry mends it; what served before still does.
            HomeportError: it does not come up; what served before still does.
        """
        serving = self.serving()
        chosen = _other(serving) if serving is not None else SLOTS[0]
        self.stop([chosen])
        self._begin(chosen)
        try:
            self._await(chosen, "", seconds, demand_health=demand_health)
        except HomeportError as error:
            failed = self._units()[chosen].status == str(int(ExitCode.CANNOT_START))
            self.stop([chosen])
            raise CannotStartError(error.sentence, error.hint) if failed else error from None
        self.stop([_other(chosen)])

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

        It is started before the other one ends, and waits itself: as long as one slot is about to run, systemd does
        not start the first one for those who connect.

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
        first, chosen = SLOTS
        try:
            self._settle(first)
        except HomeportError:
            # What serves is so unwell that it does not start again: it serves where it is until the other one is ready.
            first, chosen = chosen, first
        before = self.target(first)
        self.stop([chosen])
        self._point([chosen], target)
        with held(self._environment, release_at(before)) as hold:
            try:
                self._begin(chosen)
                # Should this process die now, systemd starts the first one for those who connect, however often it was
                # started of late.
                forget_failure(self._environment.slot_unit(first))
                self.stop([first])
                began = self._clock()
                change(hold)
                # The data are the target's from now on, whichever slot systemd may start.
                self._point([first], target)
                if anew:
                    systemctl("restart", "--no-block", self._environment.slot_unit(chosen))
            except BaseException:
                self.stop([chosen])
                raise
        self._await(chosen, release, seconds, demand_health=demand_health)
        return self._clock() - began

    def _settle(self, slot: str) -> None:
        """Has what serves do so in this slot: the one that systemd starts for those who connect, where none runs."""
        serving = self.serving()
        target = self.target(serving) if serving is not None else None
        if serving in (None, slot) or target is None:
            return
        self.stop([slot])
        self._point([slot], target)
        self._begin(slot)
        self._await(slot, release_at(target), _SETTLE_SECONDS, demand_health=False)
        self.stop([_other(slot)])

    def stop(self, slots: Iterable[str]) -> None:
        """Ends slots, each after it has answered what it was asked; the sockets stay."""
        units = self._units()
        names = [units[slot].id for slot in slots if not units[slot].is_at_rest]
        if names:
            systemctl("stop", *names, seconds=_STOP_SECONDS)

    def _units(self) -> dict[str, Unit]:
        names = [self._environment.slot_unit(slot) for slot in SLOTS]
        return dict(zip(SLOTS, show_units(names), strict=True))

    def _point(self, slots: Iterable[str], target: PurePosixPath) -> None:
        for slot in slots:
            link = Link(self._environment.slot_link(slot), target)
            FILE_HANDS[Link].apply(link)

    def _begin(self, slot: str) -> None:
        unit = self._environment.slot_unit(slot)
        # Else earlier failures would count, and those who come too often are refused, and the sockets with them.
        forget_failure(unit)
        systemctl("start", "--no-block", unit)

    def _await(self, slot: str, release: str, seconds: float, *, demand_health: bool) -> None:
        """Waits until a slot is ready, and is what it should be."""
        unit = self._environment.slot_unit(slot)
        client = CopyClient(_RUN / f"{self._environment.unit}-{slot}" / PROBE_SOCKET, None, _ANSWER)
        deadline, reason = self._clock() + seconds, "it does not say that it is ready"
        while True:
            found = self._units()[slot]
            if not found.is_active and not found.has_job and not found.is_starting:
                raise HomeportError(f"{unit} did not come up: it {end_of(found) or 'ended'}")
            if found.is_active:
                answer = client.health(self._environment.name)
                said, reason = answer.payload.get("release") or "", answer.reason
                if answer.payload and said != release:
                    raise HomeportError(f"What {unit} runs is {said or 'no release'}, not {release or 'none'}.")
                if answer.healthy or not demand_health:
                    return
            if self._clock() >= deadline:
                raise HomeportError(f"{unit} was not healthy within {seconds:.0f} seconds: {reason.removesuffix('.')}.")
            self._pause(_BETWEEN)


def release_at(target: PurePosixPath | None) -> str:
    """The id of the release that a slot leads to; empty where that is none."""
    return target.name if target is not None and is_release_id(target.name) else ""


def _other(slot: str) -> str:
    return SLOTS[1 - SLOTS.index(slot)]
