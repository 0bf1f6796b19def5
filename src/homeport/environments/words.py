"""Spans of time and sizes as people read them."""

from __future__ import annotations

from datetime import datetime
from typing import Final

_UNITS: Final = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))
_SIZES: Final = ("B", "kB", "MB", "GB", "TB")


def span(seconds: float) -> str:
    """``3 d 4 h``, ``12 min``, ``7 s``: the largest unit that fits, and for days and hours the next one."""
    left = max(0, int(seconds))
    for number, (length, name) in enumerate(_UNITS):
        if left >= length:
            whole, rest = divmod(left, length)
            smaller, smaller_name = _UNITS[min(number + 1, len(_UNITS) - 1)]
            more = rest // smaller
            return f"{whole} {name} {more} {smaller_name}" if more and length >= 3600 else f"{whole} {name}"
    return "0 s"


def size(count: int) -> str:
    """``812 B``, ``3.4 MB``: powers of 1000."""
    value = float(count)
    for unit in _SIZES:
        if value < 1000 or unit == _SIZES[-1]:
            return f"{count} B" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{count} B"


def age(at: str | None, now: datetime) -> float | None:
    """Seconds since a time of RFC 3339; None where there is none, or it is not understood."""
    if at is None:
        return None
    try:
        then = datetime.fromisoformat(at)
    except ValueError:
        return None
    return max(0.0, (now - then).total_seconds()) if then.tzinfo is not None else None
