"""The environments that have defaults of their own, and what any name or path in a declaration may be."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

ENVIRONMENT_NAME: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
UNIT_NAME: Final = re.compile(r"[a-z][a-z0-9]*([_-][a-z0-9]+)*")
LONGEST_NAME: Final = 40

BESIDE: Final = ("sse", "failed", "backup", "drill", "doctor", "poll", "requests", "replica")
"""What follows an environment's unit name, and a dash, in the names of the units beside its server."""


@dataclass(frozen=True, slots=True)
class Preset:
    """What an environment of a known name has where its table does not say otherwise."""

    http_port: int
    sse_port: int
    protected: bool
    needs_tokens: bool
    """Also where only this machine can reach it."""
    proxy_path: str
    """What stands behind /mcp and /sse where a reverse proxy offers it beside others."""
    purpose: str


PRESETS: Final = {
    "production": Preset(3444, 3445, protected=True, needs_tokens=True, proxy_path="", purpose="Safe to rely on."),
    "development": Preset(3446, 3447, protected=False, needs_tokens=False, proxy_path="/dev", purpose="Safe to break."),
    "local": Preset(
        3448, 3449, protected=False, needs_tokens=False, proxy_path="/local", purpose="A developer's own machine."
    ),
}
"""The table of the proposal's part 3."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """``; did you mean "http_port"?`` for the closest known name, or nothing."""
    names = list(known)
    begun = [one for one in names if len(name) > 1 and one.startswith(name)]
    close = begun or difflib.get_close_matches(name, names, n=1)
    return f'; did you mean "{close[0]}"?' if close else ""


def is_environment_name(name: str) -> bool:
    """Whether ``name`` is safe as a directory, in a unit's name, a header and a URL."""
    return len(name) <= LONGEST_NAME and ENVIRONMENT_NAME.fullmatch(name) is not None
