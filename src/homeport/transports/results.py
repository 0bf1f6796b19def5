"""The answer of an operation as the result of ``tools/call``, in the shape that a client of each era reads.

An answer is sent once: a model's context is what a client has least of. See docs/decisions/0004-mcp.md.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, Final

import orjson

from homeport.coordination.values import JsonObject
from homeport.errors import CallError

MODERN: Final = "2026-07-28"
LEGACY: Final = frozenset({"2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"})
"""The revisions with ``initialize``."""

META_ENVIRONMENT: Final = "homeport/environment"
META_SERVER: Final = "io.modelcontextprotocol/serverInfo"
_SHOWN_KEYS: Final = 12


class Era(Enum):
    """What a client can read."""

    MODERN = "modern"
    """2026-07-28: structured content."""
    LEGACY = "legacy"
    """2024-11-05 to 2025-11-25: JSON as text."""
    UNVERSIONED = "unversioned"
    """No revision named: JSON as text, and ``result.data``, as the earlier server answered."""


def era_of(version: str) -> Era:
    """The era of a revision that the SDK has negotiated."""
    return Era.LEGACY if version in LEGACY else Era.MODERN


class Results:
    """Builds results that say which environment they are of.

    Args:
        environment: its name.
        version: of this server.
    """

    def __init__(self, environment: str, version: str) -> None:
        self.server_info = {"name": server_name(environment), "version": version}
        self._meta = {META_ENVIRONMENT: environment}
        self._modern_meta = {META_ENVIRONMENT: environment, META_SERVER: self.server_info}

    def answer(self, era: Era, name: str, answer: JsonObject) -> dict[str, Any]:
        """The result of a call that was carried out."""
        if era is Era.MODERN:
            return {
                "_meta": self._modern_meta,
                "content": [{"type": "text", "text": summary(name, answer)}],
                "structuredContent": answer,
                "isError": False,
                "resultType": "complete",
            }
        text = orjson.dumps(answer)
        result = {"_meta": self._meta, "content": [{"type": "text", "text": text.decode()}], "isError": False}
        return {**result, "data": orjson.Fragment(text)} if era is Era.UNVERSIONED else result

    def refusal(self, era: Era, error: CallError) -> dict[str, Any]:
        """The result of a call that was refused, for a model to read and to do better."""
        result: dict[str, Any] = {
            "_meta": self._meta,
            "content": [{"type": "text", "text": str(error)}],
            "isError": True,
        }
        if era is Era.MODERN:
            result |= {
                "_meta": self._modern_meta,
                "structuredContent": {"error": error.as_json()},
                "resultType": "complete",
            }
        return result


def server_name(environment: str) -> str:
    """Under which the server introduces itself; production is plain ``homeport``."""
    return "homeport" if environment == "production" else f"homeport-{environment}"


def summary(name: str, answer: JsonObject) -> str:
    """One line on what an answer holds, beside the answer itself: ``get_tasks: tasks (3), total 3``."""
    parts = []
    for key, value in answer.items():
        match value:
            case list() as items:
                parts.append(f"{key} ({len(items)})")
            case bool() | int():
                parts.append(f"{key} {orjson.dumps(value).decode()}")
            case _:
                parts.append(key)
        if len(parts) == _SHOWN_KEYS:
            break
    return f"{name}: {', '.join(parts) or 'done'}. See structuredContent."
