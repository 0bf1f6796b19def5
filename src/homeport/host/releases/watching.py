"""Waits until a release serves, and watches it for a while before it is believed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from homeport.environments.environment import Environment
from homeport.environments.releases.steps import AwaitRelease
from homeport.errors import HomeportError
from homeport.host.health import ask_environment
from homeport.host.services.awaiting import await_health
from homeport.host.services.service import ServiceManager

_BETWEEN: Final = 0.25
_IN_A_ROW: Final = 3
"""Bad answers that are one too many: a single one may be the load's."""


def await_release(
    manager: ServiceManager,
    environment: Environment,
    step: AwaitRelease,
    *,
    pause: Callable[[float], None] = time.sleep,
) -> Mapping[str, Any]:
    """Waits, then watches.

    Args:
        manager: who runs the server.
        environment: whose.
        step: which release, how long to wait, and how long to watch.
        pause: waits for so many seconds.

    Returns:
        What answered, as :func:`await_health` says it.

    Raises:
        HomeportError: it did not become well, is another release, or did not stay well.
    """
    came = await_health(manager, environment, step.seconds, pause=pause)
    said = came.get("release")
    if not environment.is_foreign and said != step.release:
        raise HomeportError(f"What answers as {environment.name} is {said or 'no release'}, not {step.release}.")
    deadline, bad = time.monotonic() + step.watch, 0
    while time.monotonic() < deadline:
        pause(_BETWEEN)
        state = manager.state(environment)
        if state.pid != came["pid"]:
            # Says how it ended; or that another one came in its place.
            await_health(manager, environment, 0, pause=pause)
            raise HomeportError(f"{step.release} became healthy, then ended, and was started again.")
        answer = ask_environment(environment)
        bad = 0 if answer.healthy else bad + 1
        if bad == _IN_A_ROW:
            raise HomeportError(f"{step.release} became healthy, and is so no more: {answer.reason}.")
    return came
