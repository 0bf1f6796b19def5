"""Waits until a server that was just started answers: itself, and not an old one that still has the port."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from homeport.contract import ExitCode
from homeport.environments.environment import Environment
from homeport.environments.services.health import HealthAnswer
from homeport.environments.services.state import ServiceState, find_impostor
from homeport.errors import CannotStartError, HomeportError
from homeport.host.health import ask_environment
from homeport.host.services.service import ServiceManager

_BETWEEN: Final = 0.1


def await_health(
    manager: ServiceManager,
    environment: Environment,
    seconds: float,
    *,
    ask: Callable[[Environment], HealthAnswer] = ask_environment,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    pause: Callable[[float], None] = time.sleep,
) -> Mapping[str, Any]:
    """Waits for a healthy answer of the server that the manager runs.

    Args:
        manager: who runs it.
        environment: whose.
        seconds: how long.
        ask: one question.
        now: the clock.
        pause: waits for so many seconds.

    Returns:
        What answered: ``pid``, and ``version`` and ``release`` where it says them.

    Raises:
        CannotStartError: it ended, saying that no retry mends it.
        HomeportError: it ended, or did not become healthy in time; the sentence has its last line.
    """
    deadline = time.monotonic() + seconds
    while True:
        answer = ask(environment)
        state = manager.state(environment)
        impostor = find_impostor(state, answer, now()) if answer.healthy else None
        if answer.healthy and impostor is None:
            said = {key: answer.payload[key] for key in ("version", "release") if answer.payload.get(key)}
            return {"pid": state.pid, **said}
        if not state.running:
            raise _ended(environment, state, manager)
        if time.monotonic() >= deadline:
            reason = (impostor or state.waits_for or answer.reason).removesuffix(".")
            line = _last_line(manager, environment)
            last = f" The last line of its log: {line}" if line else ""
            raise HomeportError(
                f"{environment.name} was not healthy within {seconds:.0f} seconds: {reason}.{last}",
                f"homeport logs {environment.name} shows more.",
            )
        pause(_BETWEEN)


def _ended(environment: Environment, state: ServiceState, manager: ServiceManager) -> HomeportError:
    hint = f"homeport logs {environment.name} shows more."
    end = state.last_end
    if end is None:
        line = _last_line(manager, environment)
        said = f" The last line of its log: {line}" if line else ""
        return HomeportError(f"The server of {environment.name} is not running.{said}", hint)
    sentence = f"The server of {environment.name} {end}"
    if end.code == ExitCode.CANNOT_START:
        return CannotStartError(sentence, hint)
    return HomeportError(sentence, hint)


def _last_line(manager: ServiceManager, environment: Environment) -> str:
    return next(iter(manager.logs(environment, 1)), "")[-400:]
