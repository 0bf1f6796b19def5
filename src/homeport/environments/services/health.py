"""Reads what a server says of its health."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

_SHOWN: Final = 200


@dataclass(frozen=True, slots=True)
class HealthAnswer:
    """What came back from ``GET /health``, or why nothing did."""

    healthy: bool
    reason: str
    """One line, for people; empty when healthy."""
    payload: dict[str, Any]


def judge_health(status: int, body: bytes, environment: str) -> HealthAnswer:
    """Reads an answer of Homeport's own server. Only the right environment with status 200 is healthy."""
    payload = _object(body)
    if payload is None:
        return HealthAnswer(healthy=False, reason=f"status {status}, which is not a health answer", payload={})
    if payload.get("environment") != environment:
        who = payload.get("environment") or "something that is not Homeport"
        return HealthAnswer(healthy=False, reason=f"{who} answers in place of {environment}", payload=payload)
    if status != 200 or payload.get("status") != "healthy":
        reasons = payload.get("reasons")
        text = " ".join(map(str, reasons)) if isinstance(reasons, list) and reasons else f"status {status}"
        return HealthAnswer(healthy=False, reason=text, payload=payload)
    return HealthAnswer(healthy=True, reason="", payload=payload)


def judge_foreign_health(status: int, body: bytes, says: Mapping[str, str]) -> HealthAnswer:
    """Reads an answer of another server: a status from 200 to 299, and what was declared that it says."""
    payload = _object(body)
    if not 200 <= status <= 299:
        return HealthAnswer(healthy=False, reason=f"status {status}", payload=payload or {})
    if not says:
        return HealthAnswer(healthy=True, reason="", payload=payload or {})
    if payload is None:
        return HealthAnswer(healthy=False, reason=f"status {status} without a JSON object", payload={})
    for name, expected in says.items():
        found = payload.get(name)
        if (found if isinstance(found, str) else json.dumps(found)) != expected:
            shown = json.dumps(found)[:_SHOWN]
            reason = f"{name} is {shown}, not {json.dumps(expected)}"
            return HealthAnswer(healthy=False, reason=reason, payload=payload)
    return HealthAnswer(healthy=True, reason="", payload=payload)


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
