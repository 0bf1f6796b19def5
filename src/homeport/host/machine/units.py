"""Units switched on and off, and systemd told of new ones."""

from __future__ import annotations

import time
from typing import Final

from homeport.environments.machine.steps import AwaitAnswer, ReloadUnits, SwitchUnit
from homeport.environments.steps import Step
from homeport.errors import HomeportError
from homeport.host.commands import run_until
from homeport.host.hands import Hands
from homeport.host.health import HealthAnswer, ask_foreign_health, ask_health, wait_for_health
from homeport.host.machine.systemctl import last_lines, systemctl, unit_state
from homeport.host.services.showing import waits_for_data

_START_SECONDS: Final = 180.0
_LAST_LINES: Final = 12
_SHOWN: Final = 900
"""Characters of a log's end."""
_PAUSE: Final = 0.2
"""Seconds between two questions for the health."""


class UnitSwitcher:
    """:class:`SwitchUnit`."""

    def inverse(self, step: SwitchUnit) -> tuple[Step, ...]:
        found = unit_state(step.unit)
        enabled = found.enabled if step.enabled is not None and step.enabled != found.enabled else None
        active = found.active if step.active is not None and step.active != found.active else None
        return () if enabled is None and active is None else (SwitchUnit(step.unit, enabled, active),)

    def apply(self, step: SwitchUnit) -> None:
        found = unit_state(step.unit)
        if step.enabled is not None and step.enabled != found.enabled:
            systemctl("enable" if step.enabled else "disable", "--quiet", step.unit)
        if step.active and not found.active:
            _start(step.unit)
        elif step.active is False:
            if found.known or found.active:
                systemctl("stop", step.unit)
            # Else a unit that is gone would go on being listed as failed.
            forget_failure(step.unit)


class UnitReloader:
    """:class:`ReloadUnits`."""

    def inverse(self, step: ReloadUnits) -> tuple[Step, ...]:
        return (ReloadUnits("forth", step.sockets, step.services),) if step.way == "back" else ()

    def apply(self, step: ReloadUnits) -> None:
        if step.way == "back":
            return
        systemctl("daemon-reload")
        if step.sockets:
            # A socket is not started anew while its service runs; nobody is refused longer than that takes.
            for name in step.services:
                systemctl("stop", name)
            for name in step.sockets:
                systemctl("restart", name)
        for name in step.services:
            forget_failure(name)
            _start(name, "restart")


class HealthAwaiter:
    """:class:`AwaitAnswer`."""

    def inverse(self, step: AwaitAnswer) -> tuple[Step, ...]:
        return ()

    def apply(self, step: AwaitAnswer) -> None:
        tries = max(1, int(step.seconds / _PAUSE))
        answer = wait_for_health(lambda: _ask(step), _pause, tries)
        if not answer.healthy:
            said = " | ".join(line for unit in step.units for line in last_lines(unit, _LAST_LINES))[-_SHOWN:]
            last = f" Its log ends with: {said}" if said else ""
            raise HomeportError(f"{step.environment} is not healthy: {answer.reason}.{last}")


UNIT_HANDS: Final[Hands] = {SwitchUnit: UnitSwitcher(), ReloadUnits: UnitReloader(), AwaitAnswer: HealthAwaiter()}


def _ask(step: AwaitAnswer) -> HealthAnswer:
    if step.says is None:
        return ask_health(step.url, step.environment)
    return ask_foreign_health(step.url, dict(step.says))


def _pause() -> bool:
    time.sleep(_PAUSE)
    return False


def _start(unit: str, verb: str = "start") -> None:
    """One that waits for its data is started; whether it is well is asked afterwards."""
    command = ["systemctl", "--no-ask-password", verb, unit]
    done = run_until(command, lambda: waits_for_data(unit), seconds=_START_SECONDS)
    if done is not None and done.code != 0:
        said = " | ".join(last_lines(unit))
        raise HomeportError(f"{unit} does not start: {said or done.last_words}")


def forget_failure(unit: str) -> None:
    """A unit that failed is not listed as failed any more."""
    try:
        systemctl("reset-failed", unit)
    except HomeportError:
        return  # It is not loaded, so that there is nothing to forget.
