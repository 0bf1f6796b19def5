"""Asks a server how it is."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class HealthAnswer:
    """What came back from ``GET /health``, or why nothing did."""

    healthy: bool
    reason: str
    """One line, for people; empty when healthy."""
    payload: dict[str, Any]


def ask_health(url: str, environment: str, *, timeout: float = 2.0) -> HealthAnswer:
    """One request. Only the right environment with status 200 is healthy; a proxy's page or a stranger is not.

    Args:
        url: of ``/health``, plain HTTP.
        environment: who must answer.
        timeout: seconds, for connecting and for the answer each.
    """
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout)
    try:
        connection.request("GET", parts.path)
        response = connection.getresponse()
        return judge_health(response.status, response.read(1 << 20), environment)
    except (OSError, http.client.HTTPException) as error:
        return HealthAnswer(healthy=False, reason=f"no answer from {url} ({error})", payload={})
    finally:
        connection.close()


def judge_health(status: int, body: bytes, environment: str) -> HealthAnswer:
    """Reads an answer. Pure."""
    try:
        payload = json.loads(body)
    except ValueError:
        payload = None
    if not isinstance(payload, dict):
        return HealthAnswer(healthy=False, reason=f"status {status}, which is not a health answer", payload={})
    if payload.get("environment") != environment:
        who = payload.get("environment") or "something that is not Homeport"
        return HealthAnswer(healthy=False, reason=f"{who} answers in place of {environment}", payload=payload)
    if status != 200 or payload.get("status") != "healthy":
        reasons = payload.get("reasons")
        text = " ".join(map(str, reasons)) if isinstance(reasons, list) and reasons else f"status {status}"
        return HealthAnswer(healthy=False, reason=text, payload=payload)
    return HealthAnswer(healthy=True, reason="", payload=payload)


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
