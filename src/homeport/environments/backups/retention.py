"""Which backups are kept, and why: a pure choice over what is known of each.

Only good backups count. A failed attempt never pushes a good one out, and there are always at least ``minimum`` good
ones left, whatever the rules say (operations.md: failed releases that push good ones out of the kept).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final


@dataclass(frozen=True, slots=True)
class Candidate:
    """What retention needs to know of one backup, or of one failed attempt to make one.

    Attributes:
        id: names it.
        created: with a time zone.
        good: whether it was read back from where it lies.
        proven: whether a drill restored it.
        pinned: why it must stay whatever the rules say, until a person removes it; empty where nothing pins it. It
            counts neither among the good ones nor among the failed attempts, so that it pushes none of either out.
    """

    id: str
    created: datetime
    good: bool
    proven: bool = False
    pinned: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How many are kept. Each rule keeps the newest good backup of each of so many hours, days, weeks, months."""

    last: int = 30
    hourly: int = 0
    daily: int = 0
    weekly: int = 4
    monthly: int = 6
    minimum: int = 3
    """Good backups that are never gone below."""
    failures: int = 10
    """Failed attempts whose records are kept, as evidence."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of one backup."""

    id: str
    reasons: tuple[str, ...]
    """Why it is kept; empty where it goes."""

    @property
    def kept(self) -> bool:
        """Whether it stays."""
        return bool(self.reasons)


Period = Callable[[datetime], tuple[int, ...]]
_PERIODS: Final[tuple[tuple[str, str, Period], ...]] = (
    ("hourly", "hour", lambda at: (at.year, at.month, at.day, at.hour)),
    ("daily", "day", lambda at: (at.year, at.month, at.day)),
    ("weekly", "week", lambda at: (at.isocalendar().year, at.isocalendar().week)),
    ("monthly", "month", lambda at: (at.year, at.month)),
)


def judge_retention(
    candidates: Iterable[Candidate], rules: Retention, zone: Callable[[datetime], datetime]
) -> list[Verdict]:
    """Says for each backup whether it stays and why, the newest first.

    Args:
        candidates: all that are there, failed attempts included, in any order.
        rules: how many are kept.
        zone: puts a time into the zone in which hours, days, weeks and months are counted.
    """
    newest_first = sorted(candidates, key=lambda one: (one.created, one.id), reverse=True)
    good = [one for one in newest_first if one.good]
    reasons: dict[str, list[str]] = {one.id: [] for one in newest_first}
    for number, one in enumerate(good[: rules.last], start=1):
        reasons[one.id].append("the newest" if number == 1 else f"one of the last {rules.last}")
    for setting, period, key in _PERIODS:
        for one in _newest_of_each(good, getattr(rules, setting), key, zone):
            reasons[one.id].append(f"the last of its {period}")
    proven = next((one for one in good if one.proven), None)
    if proven is not None:
        reasons[proven.id].append("the newest that a drill restored")
    for one in newest_first:
        if one.pinned:
            reasons[one.id].append(one.pinned)
    kept = sum(1 for one in good if reasons[one.id])
    for one in good:
        if kept < rules.minimum and not reasons[one.id]:
            reasons[one.id].append(f"there are never fewer than {rules.minimum}")
            kept += 1
    for one in [one for one in newest_first if not (one.good or one.pinned)][: rules.failures]:
        reasons[one.id].append("a failed attempt, kept as evidence")
    return [Verdict(one.id, tuple(reasons[one.id])) for one in newest_first]


def _newest_of_each(
    good: Sequence[Candidate], periods: int, key: Period, zone: Callable[[datetime], datetime]
) -> list[Candidate]:
    found: dict[tuple[int, ...], Candidate] = {}
    for one in good:
        period = key(zone(one.created))
        if period not in found and len(found) == periods:
            break
        found.setdefault(period, one)
    return list(found.values())
