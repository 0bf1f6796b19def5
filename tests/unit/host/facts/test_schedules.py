"""When a line of a crontab should last have run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.host.facts.schedules import last_due

NOW = datetime(2026, 10, 2, 12, 34, 56, tzinfo=UTC)  # a Friday


@pytest.mark.parametrize(
    ("schedule", "due"),
    [
        ("* * * * *", "2026-10-02 12:34"),
        ("0 */6 * * *", "2026-10-02 12:00"),
        ("15 3 * * *", "2026-10-02 03:15"),
        ("45 12 * * *", "2026-10-01 12:45"),
        ("0 0 * * 0", "2026-09-27 00:00"),
        ("0 0 * * 7", "2026-09-27 00:00"),
        ("0 0 * * mon-wed", "2026-09-30 00:00"),
        ("0 0 1 * *", "2026-10-01 00:00"),
        ("30 4 1,15 * 5", "2026-10-02 04:30"),
        ("*/20 8-10 * * *", "2026-10-02 10:40"),
        ("5/30 * * * *", "2026-10-02 12:05"),
        ("0 2 * sep *", "2026-09-30 02:00"),
        ("@daily", "2026-10-02 00:00"),
        ("@hourly", "2026-10-02 12:00"),
    ],
)
def test_the_newest_moment_is_found(schedule: str, due: str) -> None:
    found = last_due(schedule, NOW)
    assert found is not None
    assert f"{found:%Y-%m-%d %H:%M}" == due


@pytest.mark.parametrize(
    "schedule",
    ["@reboot", "", "1 2 3", "99 * * * *", "a * * * *", "5-1 * * * *", "*/0 * * * *", "0 0 30 2 *", "- * * * *"],
)
def test_what_cannot_be_read_or_never_comes_is_not_judged(schedule: str) -> None:
    assert last_due(schedule, NOW) is None


FIELD = st.one_of(st.just("*"), st.integers(1, 60).map(lambda n: f"*/{n}"), st.integers(0, 7).map(str))


@given(fields=st.tuples(FIELD, FIELD, FIELD, FIELD, FIELD))
def test_it_is_never_in_the_future_and_always_a_whole_minute(fields: tuple[str, ...]) -> None:
    found = last_due(" ".join(fields), NOW)
    if found is not None:
        assert found <= NOW
        assert (found.second, found.microsecond) == (0, 0)
        assert last_due(" ".join(fields), found) == found
        assert last_due(" ".join(fields), found - timedelta(seconds=1)) != found
