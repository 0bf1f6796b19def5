"""Slots as two units of systemd's, each of which runs what its own link leads to; systemd holds the sockets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Final

from homeport.environments.environment import Environment
from homeport.environments.machine.units import PROBE_SOCKET, SLOTS
from homeport.environments.services.state import ServiceEnd
from homeport.environments.steps import Link, Step
from homeport.host.hands.files import FILE_HANDS
from homeport.host.machine.systemctl import systemctl
from homeport.host.machine.units import forget_failure
from homeport.host.services.show import Unit
from homeport.host.services.showing import end_of, show_units
from homeport.host.services.slots import Slot

_STOP_SECONDS: Final = 180.0
_RUN: Final = Path("/run")


class SystemdSlots:
    """The slots of one environment, which was provisioned."""

    first: str | None = SLOTS[0]

    def __init__(self, environment: Environment) -> None:
        self._environment = environment

    def look(self) -> Mapping[str, Slot]:
        return {slot: _seen(unit) for slot, unit in self._units().items()}

    def target(self, slot: str) -> PurePosixPath | None:
        link = Path(self._environment.slot_link(slot))
        return PurePosixPath(link.readlink()) if link.is_symlink() else None

    def point(self, slots: Iterable[str], target: PurePosixPath) -> None:
        for slot in slots:
            link = Link(self._environment.slot_link(slot), target)
            FILE_HANDS[Link].apply(link)

    def begin(self, slot: str) -> None:
        unit = self._environment.slot_unit(slot)
        # Else earlier failures would count, and those who come too often are refused, and the sockets with them.
        forget_failure(unit)
        systemctl("start", "--no-block", unit)

    def begin_again(self, slot: str) -> None:
        systemctl("restart", "--no-block", self._environment.slot_unit(slot))

    def stop(self, slots: Iterable[str]) -> None:
        units = self._units()
        names = [units[slot].id for slot in slots if not units[slot].is_at_rest]
        if names:
            systemctl("stop", *names, seconds=_STOP_SECONDS)

    def stand_ready(self, slot: str | None) -> None:
        # systemd starts the first one anyway, if it was not started too often of late.
        if slot is not None:
            forget_failure(self._environment.slot_unit(slot))

    def probe(self, slot: str) -> Path:
        return _RUN / f"{self._environment.unit}-{slot}" / PROBE_SOCKET

    def end_of(self, slot: str) -> ServiceEnd | None:
        return end_of(self._units()[slot])

    def back_to(self) -> tuple[Step, ...]:
        links = ((self._environment.slot_link(slot), self.target(slot)) for slot in SLOTS)
        return tuple(Link(link, target) for link, target in links if target is not None)

    def _units(self) -> dict[str, Unit]:
        names = [self._environment.slot_unit(slot) for slot in SLOTS]
        return dict(zip(SLOTS, show_units(names), strict=True))


def _seen(unit: Unit) -> Slot:
    return Slot(
        name=unit.id,
        active=unit.is_active,
        coming=unit.has_job or unit.is_starting,
        began=unit.began,
        code=int(unit.status) if unit.status.isdigit() and not unit.is_by_signal else None,
    )
