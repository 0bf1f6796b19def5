"""Numbers of how an environment's data are protected, for monitoring: derived from records alone. Pure.

Times are Unix times and not ages, so that a file that is no longer written does not look fresh.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from homeport.environments.backups.naming import age_order
from homeport.environments.backups.record import Drill, Record


@dataclass(frozen=True, slots=True)
class BackupGauge:
    """One number.

    Attributes:
        name: with its unit; ``homeport_`` stands before it.
        text: what it is.
        value: now.
        label: a name and its value besides the environment's; None where there is none.
    """

    name: str
    text: str
    value: float
    label: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Looked:
    """When the doctor looked last, and how many findings there were of each severity."""

    at: str
    critical: int
    warning: int


def backup_gauges(records: Sequence[Record], looked: Looked | None) -> Iterator[BackupGauge]:
    """All numbers that can be told.

    Args:
        records: of every backup and attempt.
        looked: what the doctor found; None where it never looked.
    """
    attempts = sorted(records, key=lambda one: age_order(one.backup))
    good = [one for one in attempts if one.is_usable]
    yield BackupGauge("backups_good", "Backups that can be restored from here.", len(good))
    if attempts:
        last = attempts[-1]
        yield BackupGauge("backup_last_attempt_timestamp_seconds", "When the last was begun.", _time(last.created))
        yield BackupGauge(
            "backup_last_attempt_ok", "Whether it was read back from everywhere.", float(last.state == "good")
        )
    yield from _of_good(good)
    yield from _of_drills(attempts)
    if looked is not None:
        yield BackupGauge("doctor_last_run_timestamp_seconds", "When the doctor looked last.", _time(looked.at))
        for severity, count in (("critical", looked.critical), ("warning", looked.warning)):
            yield BackupGauge("doctor_findings", "What it found.", count, ("severity", severity))


def _of_good(good: Sequence[Record]) -> Iterator[BackupGauge]:
    if not good:
        return
    newest = good[-1]
    yield BackupGauge("backup_last_good_timestamp_seconds", "When the last good one was begun.", _time(newest.created))
    if newest.archive is not None:
        yield BackupGauge("backup_archive_bytes", "The size of its archive.", newest.archive.size)
    sizes = [one.summary.bytes for one in good if one.summary is not None]
    if sizes:
        yield BackupGauge("backup_data_bytes", "The size of what it holds.", sizes[-1])
    if len(sizes) > 1:
        yield BackupGauge(
            "backup_growth_bytes", "How much more that is than in the one before it.", sizes[-1] - sizes[-2]
        )
    if newest.summary is not None:
        yield BackupGauge("backup_seconds", "How long its copy and its archive took.", newest.summary.took_seconds)


def _of_drills(attempts: Sequence[Record]) -> Iterator[BackupGauge]:
    # One that is sealed and was not opened was not restored.
    drills: list[Drill] = [one.drill for one in attempts if one.drill is not None and one.drill.outcome != "unproven"]
    if not drills:
        return
    last = max(drills, key=lambda one: _time(one.at))
    yield BackupGauge("drill_last_timestamp_seconds", "When a backup was last restored for trial.", _time(last.at))
    yield BackupGauge("drill_last_ok", "Whether it came back to life.", float(last.outcome == "passed"))
    yield BackupGauge("drill_seconds", "How long that took.", last.seconds)
    yield BackupGauge("drill_data_age_seconds", "How old its data were.", last.age_seconds)
    passed = [_time(one.drilled) for one in attempts if one.drilled is not None]
    if passed:
        yield BackupGauge("drill_last_good_timestamp_seconds", "When one last came back to life.", max(passed))


def _time(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
