"""Token buckets, the other kind of token: how many requests each caller may make."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

WINDOW: Final = 60.0
"""Seconds in which an empty bucket is full again."""
_REMEMBERED: Final = 10_000
_ROUNDING: Final = 1e-9


class Level(NamedTuple):
    """What is left in a bucket after a request.

    Attributes:
        allowed: whether the request may pass.
        limit: what a full bucket holds.
        remaining: how many more may pass now.
        full_in: seconds until it is full again.
        next_in: seconds until the next request may pass.
    """

    allowed: bool
    limit: int
    remaining: int
    full_in: int
    next_in: int

    def headers(self) -> tuple[tuple[bytes, bytes], ...]:
        """As responses carry it: the three fields that clients know, and the two of the newer draft."""
        return (
            (b"ratelimit-limit", b"%d" % self.limit),
            (b"ratelimit-remaining", b"%d" % self.remaining),
            (b"ratelimit-reset", b"%d" % self.full_in),
            (b"ratelimit-policy", b'"default";q=%d;w=60' % self.limit),
            (b"ratelimit", b'"default";r=%d;t=%d' % (self.remaining, self.full_in)),
        )


class Buckets:
    """One bucket for each key; each fills evenly and holds a minute's worth.

    Args:
        limit: requests a minute, over zero.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._rate = limit / WINDOW
        # The least recently used first: those are forgotten, and most of them are full again.
        self._filled: dict[str, tuple[float, float]] = {}
        self._taken: dict[str, int] | None = None

    def count_taken(self) -> None:
        """From now on remembers what is taken, for :meth:`collect_taken`."""
        self._taken = {}

    def collect_taken(self) -> dict[str, int]:
        """What was taken since it was last asked, by key."""
        taken, self._taken = self._taken, {}
        return taken or {}

    def take_elsewhere(self, key: str, count: int, now: float) -> None:
        """Another server has let so many requests pass."""
        had, at = self._filled.pop(key, (float(self._limit), now))
        have = min(self._limit, had + (now - at) * self._rate)
        self._keep(key, max(0.0, have - count), now)

    def take(self, key: str, now: float) -> Level:
        """Takes one request out of a bucket.

        Args:
            key: whose.
            now: seconds, of any clock that does not go back.
        """
        had, at = self._filled.pop(key, (float(self._limit), now))
        have = min(self._limit, had + (now - at) * self._rate)
        # Whoever waited as long as it was told is not sent away for the rounding of a float.
        allowed = have >= 1 - _ROUNDING
        if allowed:
            have = max(0.0, have - 1)
            if self._taken is not None:
                self._taken[key] = self._taken.get(key, 0) + 1
        self._keep(key, have, now)
        full_in = math.ceil((self._limit - have) / self._rate)
        next_in = 0 if have >= 1 else math.ceil((1 - have) / self._rate)
        return Level(allowed, self._limit, int(have), full_in, next_in)

    def _keep(self, key: str, have: float, now: float) -> None:
        self._filled[key] = (have, now)
        if len(self._filled) > _REMEMBERED:
            del self._filled[next(iter(self._filled))]
