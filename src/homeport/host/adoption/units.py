"""Units of somebody's, retired and revived."""

from __future__ import annotations

from typing import Final

from homeport.environments.adoption.steps import RetireUnit, ReviveUnit
from homeport.environments.steps import Step
from homeport.host.hands import Hands
from homeport.host.machine.systemctl import systemctl, unit_state
from homeport.host.machine.units import forget_failure


class Retirer:
    """:class:`RetireUnit`."""

    def inverse(self, step: RetireUnit) -> tuple[Step, ...]:
        found = unit_state(step.unit)
        return (ReviveUnit(step.unit, found.enabled, found.active),) if found.enabled or found.active else ()

    def apply(self, step: RetireUnit) -> None:
        found = unit_state(step.unit)
        if found.enabled:
            systemctl("disable", "--quiet", step.unit)
        if found.known:
            systemctl("stop", step.unit)
            forget_failure(step.unit)


class Reviver:
    """:class:`ReviveUnit`."""

    def inverse(self, step: ReviveUnit) -> tuple[Step, ...]:
        return (RetireUnit(step.unit),)

    def apply(self, step: ReviveUnit) -> None:
        if step.enabled:
            systemctl("enable", "--quiet", step.unit)
        if step.active:
            systemctl("start", "--no-block", step.unit)


RETIRING_HANDS: Final[Hands] = {RetireUnit: Retirer(), ReviveUnit: Reviver()}
