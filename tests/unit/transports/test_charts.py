"""Small charts: what they say of what was counted."""

from __future__ import annotations

from datetime import date

from homeport.contract.survey import BackupSeen, DrillSeen
from homeport.transports.metrics import BUCKETS, MINUTES, Minute
from homeport.transports.pages.charts import HEIGHT, WIDTH, calendar, growth, quantile, traffic


def _minute(number: int, requests: int, failed: int = 0, bucket: int = 3) -> Minute:
    one = Minute(number)
    one.requests, one.failed = requests, failed
    one.buckets[bucket] = requests
    return one


def _backup(day: str, **said: object) -> BackupSeen:
    return BackupSeen(**{"id": day, "created": f"{day}T02:00:00+00:00", "state": "good", **said})  # type: ignore[arg-type]


def test_requests_stand_where_they_were_asked_and_the_last_are_at_the_right() -> None:
    now = 60.0 * 1000
    shown = traffic([_minute(1000 - MINUTES, 99), _minute(998, 6), _minute(1000, 3, failed=1)], now, now - 7200)
    assert (shown.requests, shown.failed, shown.most, shown.minutes) == (9, 1, 3.0, 121)
    (bar,) = shown.bars
    assert bar.x + bar.width <= WIDTH
    assert bar.x > WIDTH * 0.95
    assert (bar.height, bar.failed) == (HEIGHT, round(HEIGHT / 9, 2))
    assert shown.slow == BUCKETS[3]


def test_a_server_that_nobody_asked_has_an_empty_chart() -> None:
    shown = traffic([], 30.0, 0.0)
    assert (shown.bars, shown.line, shown.requests, shown.slow, shown.minutes) == ((), "", 0, None, 1)


def test_what_95_of_100_do_not_exceed_is_a_bound_of_the_buckets() -> None:
    buckets = [0] * (len(BUCKETS) + 1)
    buckets[0], buckets[5] = 95, 5
    assert quantile(buckets) == BUCKETS[0]
    buckets[5] = 6
    assert quantile(buckets) == BUCKETS[5]
    assert quantile([0] * len(BUCKETS) + [1]) == 2 * BUCKETS[-1]


def test_data_grow_from_the_first_backup_to_now() -> None:
    backups = [_backup("2026-11-20", bytes=50), _backup("2026-11-10", bytes=25), _backup("2026-11-15")]
    shown = growth(backups, 100, "2026-11-30T02:00:00+00:00")
    assert shown is not None
    assert (shown.first, shown.last, shown.most) == (25, 100, 100)
    assert shown.line == "0.0,46.0 150.0,32.0 300.0,4.0"
    assert growth([], 100, "2026-11-30T02:00:00Z") is None
    assert growth([_backup("2026-11-30", bytes=0)], 0, "2026-12-30T02:00:00Z") is not None


def test_the_calendar_says_of_each_day_what_its_backups_are_worth() -> None:
    passed = DrillSeen(at="2026-11-24T03:00:00Z", outcome="passed", depth="served", seconds=3)
    failed = DrillSeen(at="2026-11-25T03:00:00Z", outcome="failed", depth="served", seconds=3, reason="x")
    backups = [
        _backup("2026-11-23"),
        _backup("2026-11-24", drill=passed),
        _backup("2026-11-24"),
        _backup("2026-11-25", drill=failed),
        _backup("2026-11-26", state="failed"),
        _backup("2020-01-01"),
    ]
    weeks = calendar(backups, date(2026, 11, 26))
    assert [len(week) for week in weeks] == [7] * len(weeks)
    last = weeks[-1]
    assert last[0].day == date(2026, 11, 23)
    assert [one.verdict for one in last] == ["made", "proven", "failed", "failed", "ahead", "ahead", "ahead"]
    assert [one.text for one in last[:3]] == [
        "1 backup",
        "2 backups, restored in a drill",
        "1 backup, a drill failed",
    ]
    assert {one.verdict for week in weeks[:-1] for one in week} == {"none"}
