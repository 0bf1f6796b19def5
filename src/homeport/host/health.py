"""Asks a server how it is."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import urlsplit

from homeport.environments.environment import Environment
from homeport.environments.services.health import HealthAnswer, judge_foreign_health, judge_health

__all__ = ["HealthAnswer", "ask_environment", "ask_foreign_health", "ask_health", "judge_health", "wait_for_health"]

_PATIENCE: Final = 2.0
_WITH_DATABASE: Final = 6.0
"""A server says within five seconds that its database does not answer."""


def ask_health(url: str, environment: str, *, timeout: float = _PATIENCE) -> HealthAnswer:
    """One request. Only the right environment with status 200 is healthy; a proxy's page or a stranger is not.

    Args:
        url: of ``/health``, plain HTTP.
        environment: who must answer.
        timeout: seconds, for connecting and for the answer each.
    """
    return _ask(url, lambda status, body: judge_health(status, body, environment), timeout)


def ask_environment(environment: Environment, *, timeout: float | None = None) -> HealthAnswer:
    """One request to whatever server an environment declares.

    Args:
        environment: whose.
        timeout: seconds, for connecting and for the answer each; by default long enough to be told of a database that
            does not answer.
    """
    if timeout is None:
        timeout = _PATIENCE if environment.database is None else _WITH_DATABASE
    if not environment.is_foreign:
        return ask_health(environment.health_url, environment.name, timeout=timeout)
    return ask_foreign_health(environment.health_url, dict(environment.service.health_says), timeout=timeout)


def ask_foreign_health(url: str, says: Mapping[str, str], *, timeout: float = _PATIENCE) -> HealthAnswer:
    """One request to a server that is not Homeport's own.

    Args:
        url: of its health.
        says: what its answer must say besides a good status.
        timeout: seconds, for connecting and for the answer each.
    """
    return _ask(url, lambda status, body: judge_foreign_health(status, body, says), timeout)


def _ask(url: str, judge: Callable[[int, bytes], HealthAnswer], timeout: float) -> HealthAnswer:
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=timeout)
    try:
        connection.request("GET", (parts.path or "/") + (f"?{parts.query}" if parts.query else ""))
        response = connection.getresponse()
        return judge(response.status, response.read(1 << 20))
    except (OSError, http.client.HTTPException) as error:
        return HealthAnswer(healthy=False, reason=f"no answer from {url} ({error})", payload={})
    finally:
        connection.close()


def wait_for_health(ask: Callable[[], HealthAnswer], pause: Callable[[], bool], tries: int) -> HealthAnswer:
    """Asks until the answer is healthy.

    Args:
        ask: one request.
        pause: waits between two requests; True ends the waiting, since nobody will answer any more.
        tries: how many requests at most.
    """
    answer = ask()
    for _ in range(tries - 1):
        if answer.healthy or pause():
            break
        answer = ask()
    return answer
