"""Cron's schedules: when a line should last have run."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

_RANGES: Final = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_NICKNAMES: Final = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_MONTH_NAMES: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAY_NAMES: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_MONTHS: Final = {name: number for number, name in enumerate(_MONTH_NAMES, start=1)}
_DAYS: Final = {name: number for number, name in enumerate(_DAY_NAMES)}
FAR: Final = timedelta(days=35)
"""How far back is looked; a schedule that is rarer is not judged."""


def last_due(schedule: str, now: datetime) -> datetime | None:
    """The newest moment at or before ``now`` at which a line of a crontab was due.

    Args:
        schedule: its five fields, or a name such as ``@daily``.
        now: in the zone that cron counts in.

    Returns:
        None where it cannot be read, never was due of late, or depends on no time (``@reboot``).
    """
    fields = _NICKNAMES.get(schedule, schedule).lower().split()
    if len(fields) != len(_RANGES):
        return None
    try:
        minutes, hours, days, months, weekdays = (
            _numbers(field, low, high, _MONTHS if low == 1 and high == 12 else _DAYS if high == 7 else {})
            for field, (low, high) in zip(fields, _RANGES, strict=True)
        )
    except ValueError:
        return None
    weekdays = {day % 7 for day in weekdays}
    # Cron's own rule: where both days are restricted, either will do.
    either = not fields[2].startswith("*") and not fields[4].startswith("*")
    at = now.replace(second=0, microsecond=0)
    while now - at < FAR:
        in_month, in_week = at.day in days, (at.isoweekday() % 7) in weekdays
        if at.month in months and ((in_month or in_week) if either else (in_month and in_week)):
            if at.hour in hours and at.minute in minutes:
                return at
            at -= timedelta(minutes=1) if at.hour in hours else timedelta(minutes=at.minute + 1)
        else:
            at -= timedelta(minutes=at.hour * 60 + at.minute + 1)
    return None


def _numbers(field: str, low: int, high: int, names: dict[str, int]) -> set[int]:
    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        if span == "*":
            begin, end = low, high
        else:
            begin = names[first] if first in names else int(first)
            end = (names[last] if last in names else int(last)) if last else (high if step else begin)
        stride = int(step) if step else 1
        if not low <= begin <= end <= high or stride < 1:
            raise ValueError(field)
        found.update(range(begin, end + 1, stride))
    return found
