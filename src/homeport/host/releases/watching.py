"""Waits until a release serves, and watches it for a while before it is believed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from homeport.environments.environment import Environment
from homeport.environments.releases.figures import Figures, find_hunger, find_worse
from homeport.environments.releases.steps import AwaitRelease
from homeport.errors import HomeportError
from homeport.host.health import ask_environment
from homeport.host.releases.measuring import measure, memory_of
from homeport.host.services.awaiting import await_health
from homeport.host.services.service import ServiceManager

_BETWEEN: Final = 0.25
_PATIENCE: Final = 1.5
_LOOKS: Final = 4
_IN_A_ROW: Final = 3
"""Bad answers that are one too many: a single one may be the load's."""


def await_release(
    manager: ServiceManager,
    environment: Environment,
    step: AwaitRelease,
    before: Figures | None = None,
    *,
    well: Callable[[], None] = lambda: None,
    pause: Callable[[float], None] = time.sleep,
) -> Mapping[str, Any]:
    """Waits, then watches.

    Args:
        manager: who runs the server.
        environment: whose.
        step: which release, how long to wait, and how long to watch.
        before: how the release before it did; None where nobody knows.
        well: called once it is.
        pause: waits for so many seconds.

    Returns:
        What answered, as :func:`await_health` says it, and how it did.

    Raises:
        HomeportError: it did not become well, is another release, did not stay well, or does worse than the one before.
    """
    came = await_health(manager, environment, step.seconds, pause=pause)
    said = came.get("release")
    if not environment.is_foreign and said != step.release:
        raise HomeportError(f"What answers as {environment.name} is {said or 'no release'}, not {step.release}.")
    well()
    deadline, bad = time.monotonic() + step.watch, 0
    while time.monotonic() < deadline:
        pause(_BETWEEN)
        state = manager.state(environment)
        if state.pid != came["pid"]:
            raise HomeportError(f"{step.release} became healthy, then {_how_it_ended(manager, environment, pause)}.")
        # Not for longer: a manager that starts it again soon would hide how it ended.
        answer = ask_environment(environment, timeout=_PATIENCE)
        bad = 0 if answer.healthy else bad + 1
        if bad == _IN_A_ROW:
            raise HomeportError(f"{step.release} became healthy, and is so no more: {answer.reason.removesuffix('.')}.")
        if before is not None and (hunger := find_hunger(before, memory_of(state.pids))):
            raise HomeportError(f"{step.release} does worse than the one before: {hunger}.")
    now = measure(manager, environment)
    if before is not None and now is not None and (worse := find_worse(before, now)):
        raise HomeportError(f"{step.release} does worse than the one before: {worse}.")
    return {**came, "figures": now.as_json() if now is not None else None}


def _how_it_ended(manager: ServiceManager, environment: Environment, pause: Callable[[float], None]) -> str:
    """What became of a server that is not there any more; its end may be noted a moment after it."""
    for _ in range(_LOOKS):
        state = manager.state(environment)
        if not state.running:
            return str(state.last_end or "ended")
        pause(_BETWEEN)
    return "ended, and was started again"
