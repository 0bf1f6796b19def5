"""Small charts: numbers as bars and lines of SVG, and as the sentence that says the same.

All of it is arithmetic on values; templates put it on a page.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from homeport.contract.survey import BackupSeen
from homeport.transports.metrics import BUCKETS, MINUTES, Minute

WIDTH: Final = 300.0
HEIGHT: Final = 60.0
STEP: Final = 3
"""Minutes of a bar."""
WEEKS: Final = 14
_MOST: Final = 0.95


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar; ``failed`` is the height of the part that stands for what failed."""

    x: float
    width: float
    height: float
    failed: float = 0.0


@dataclass(frozen=True, slots=True)
class Traffic:
    """What a server was asked lately.

    Attributes:
        bars: requests, for each step of the time.
        line: the points of how long the slow ones took, as SVG wants them; empty where nothing was timed.
        requests: how many in all.
        failed: how many of them failed.
        most: how many a minute at most.
        slow: seconds that 95 of 100 did not exceed.
        slowest: the same, in the worst step.
        minutes: for how long that was counted.
    """

    bars: tuple[Bar, ...]
    line: str
    requests: int
    failed: int
    most: float
    slow: float | None
    slowest: float | None
    minutes: int


def traffic(minutes: Iterable[Minute], now: float, began: float) -> Traffic:
    """Requests and how long they took, over the last :data:`MINUTES`.

    Args:
        minutes: what was counted.
        now: seconds of the clock that counted.
        began: when it began to.
    """
    last = int(now // 60)
    steps = MINUTES // STEP
    requests, failed = [0] * steps, [0] * steps
    buckets = [[0] * (len(BUCKETS) + 1) for _ in range(steps)]
    for one in minutes:
        place = steps - 1 - (last - one.number) // STEP
        if 0 <= place < steps:
            requests[place] += one.requests
            failed[place] += one.failed
            buckets[place] = [known + more for known, more in zip(buckets[place], one.buckets, strict=True)]
    most = max(requests)
    width = WIDTH / steps
    bars = tuple(
        Bar(
            round(number * width, 2),
            round(width - 1, 2),
            round(HEIGHT * count / most, 2),
            round(HEIGHT * bad / most, 2),
        )
        for number, (count, bad) in enumerate(zip(requests, failed, strict=True))
        if count
    )
    slow = [quantile(one) for one in buckets]
    known = [one for one in slow if one is not None]
    highest = max(known, default=0.0)
    points = [
        f"{number * width + width / 2:.1f},{HEIGHT - 2 - (HEIGHT - 4) * one / highest:.1f}"
        for number, one in enumerate(slow)
        if one is not None
    ]
    whole = quantile([sum(column) for column in zip(*buckets, strict=True)])
    counted = min(MINUTES, int((now - began) // 60) + 1)
    return Traffic(
        bars, " ".join(points), sum(requests), sum(failed), most / STEP, whole, max(known, default=None), counted
    )


def quantile(buckets: Sequence[int], share: float = _MOST) -> float | None:
    """The bound that a share of what was timed did not exceed; None where nothing was."""
    total = sum(buckets)
    if not total:
        return None
    seen = 0
    for bound, count in zip((*BUCKETS, 2 * BUCKETS[-1]), buckets, strict=True):
        seen += count
        if seen >= share * total:
            return bound
    return 2 * BUCKETS[-1]


@dataclass(frozen=True, slots=True)
class Growth:
    """The size of data over time: the points of its line, and its first and last."""

    line: str
    first: int
    last: int
    most: int
    since: str


def growth(backups: Iterable[BackupSeen], now_bytes: int | None, at: str) -> Growth | None:
    """How data grew, as their backups remember it; None where fewer than two points are known."""
    points = sorted((_seconds(one.created), one.bytes, one.created) for one in backups if one.bytes is not None)
    if now_bytes is not None:
        points.append((_seconds(at), now_bytes, at))
    if len(points) < 2 or points[-1][0] <= points[0][0]:
        return None
    start, span = points[0][0], points[-1][0] - points[0][0]
    most = max(size for _, size, _ in points) or 1
    line = " ".join(
        f"{WIDTH * (when - start) / span:.1f},{HEIGHT - (HEIGHT - 4) * size / most:.1f}" for when, size, _ in points
    )
    return Growth(line, points[0][1], points[-1][1], most, points[0][2])


@dataclass(frozen=True, slots=True)
class Day:
    """A day of the calendar of backups.

    Attributes:
        day: which.
        verdict: ``none``, ``made``, ``proven`` (one of them was restored and found alive), ``failed`` (one of them was
            not, or could not be made), ``ahead`` for days to come.
        backups: how many were made.
        text: the same in words.
    """

    day: date
    verdict: str
    backups: int
    text: str


def calendar(backups: Iterable[BackupSeen], today: date) -> list[list[Day]]:
    """The last weeks, each of seven days from Monday on."""
    by_day: dict[date, list[BackupSeen]] = {}
    for one in backups:
        by_day.setdefault(datetime.fromisoformat(one.created).astimezone(UTC).date(), []).append(one)
    monday = today - timedelta(days=today.weekday(), weeks=WEEKS - 1)
    return [
        [_day(monday + timedelta(weeks=week, days=day), by_day, today) for day in range(7)] for week in range(WEEKS)
    ]


def _day(day: date, by_day: Mapping[date, Sequence[BackupSeen]], today: date) -> Day:
    made = by_day.get(day, ())
    if day > today:
        return Day(day, "ahead", 0, "")
    number = f"{len(made)} backup{'' if len(made) == 1 else 's'}"
    drilled = [one.drill.outcome for one in made if one.drill is not None]
    if any(one.state in ("failed", "damaged") for one in made):
        return Day(day, "failed", len(made), f"{number}, one of them failed")
    if "failed" in drilled:
        return Day(day, "failed", len(made), f"{number}, a drill failed")
    if "passed" in drilled:
        return Day(day, "proven", len(made), f"{number}, restored in a drill")
    return Day(day, "made" if made else "none", len(made), number if made else "no backup")


def _seconds(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()
