"""How a server does, in figures, and when the next release does worse than the one before. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_FEWEST: Final = 20
"""Requests from which on their share or their mean says something."""
_SHARE: Final = 0.01
"""Of requests that may fail, where fewer did before."""
_TIMES: Final = 5.0
_SECONDS: Final = 1.0
_MEMORY_TIMES: Final = 4.0
_MEMORY: Final = 256 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What was measured of a server while it was watched, or since it began.

    Attributes:
        health_seconds: the median time that it took to say how it is.
        memory: bytes that its processes have; None where nobody may see them.
        answered: requests, but for streams and waits; None for a server that does not count.
        failed: of these, those that were its own fault: 5xx, and calls of MCP that failed inside.
        seconds: all that these took.
    """

    health_seconds: float
    memory: int | None = None
    answered: int | None = None
    failed: int = 0
    seconds: float = 0.0

    def as_json(self) -> dict[str, object]:
        """For the journal."""
        return {
            "health_ms": round(1000 * self.health_seconds, 1),
            "memory_bytes": self.memory,
            "answered": self.answered,
            "failed": self.failed,
            "mean_ms": round(1000 * self.seconds / self.answered, 1) if self.answered else None,
        }


def find_worse(before: Figures, now: Figures) -> str | None:
    """In which way a release does so much worse that it should not stay, in words; None where it does not.

    A machine that was busy for a moment is no reason: what counts is several times as much, and much at all.
    """
    share, was = _share(now), _share(before)
    if share > max(_SHARE, 3 * was):
        return f"{now.failed} of {now.answered} requests failed ({share:.0%}; {was:.0%} before)"
    if _is_much(now.health_seconds, before.health_seconds):
        return f"it takes {now.health_seconds:.1f} s to say how it is ({before.health_seconds:.2f} s before)"
    mean, was = _mean(now), _mean(before)
    if _is_much(mean, was):
        return f"a request takes {mean:.1f} s ({was:.2f} s before)"
    return find_hunger(before, now.memory)


def find_hunger(before: Figures, memory: int | None) -> str | None:
    """Whether a release takes far more memory than the one before, in words; None where it does not."""
    if memory is None or before.memory is None:
        return None
    if memory > _MEMORY_TIMES * before.memory and memory > before.memory + _MEMORY:
        return f"it takes {memory >> 20} MiB of memory ({before.memory >> 20} before)"
    return None


def _share(figures: Figures) -> float:
    return figures.failed / figures.answered if figures.answered and figures.answered >= _FEWEST else 0.0


def _mean(figures: Figures) -> float:
    return figures.seconds / figures.answered if figures.answered and figures.answered >= _FEWEST else 0.0


def _is_much(now: float, before: float) -> bool:
    return now > before + _SECONDS and now > _TIMES * before
