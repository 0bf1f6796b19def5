"""When people are told, and when the heartbeat is left out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from homeport.environments.backups.alarms import (
    AlarmState,
    alarm_document,
    alarm_subject,
    alarm_text,
    decide_alarm,
)
from homeport.environments.doctor.finding import Finding, Kind, Severity

NOW = datetime(2026, 10, 2, 6, 15, tzinfo=UTC)


def finding(kind: str, severity: Severity = "critical") -> Finding:
    return Finding(
        kind=cast("Kind", kind),
        environment="production",
        severity=severity,
        sentence=f"{kind} is wrong.",
        evidence=("seen",),
        consequence="It gets worse.",
        mend="homeport doctor",
    )


def test_something_new_is_told_at_once_and_something_that_lasts_once_a_day() -> None:
    first = decide_alarm([finding("backup-old")], AlarmState(), NOW)
    assert first.tell
    assert not decide_alarm([finding("backup-old")], first.state, NOW + timedelta(hours=23)).tell
    assert decide_alarm([finding("backup-old")], first.state, NOW + timedelta(hours=24)).tell
    assert decide_alarm([finding("backup-old"), finding("down")], first.state, NOW + timedelta(hours=1)).tell


def test_the_end_of_an_alarm_is_told_once() -> None:
    before = decide_alarm([finding("down")], AlarmState(), NOW).state
    over = decide_alarm([], before, NOW + timedelta(hours=1))
    assert over.tell
    assert not decide_alarm([], over.state, NOW + timedelta(days=9)).tell


def test_one_of_two_that_is_mended_is_no_news() -> None:
    before = decide_alarm([finding("a"), finding("b")], AlarmState(), NOW).state
    assert not decide_alarm([finding("a")], before, NOW + timedelta(hours=1)).tell


def test_the_heartbeat_is_sent_only_while_nothing_is_critical() -> None:
    assert decide_alarm([], AlarmState(), NOW).heartbeat
    assert decide_alarm([finding("never-proven", "warning")], AlarmState(), NOW).heartbeat
    assert not decide_alarm([finding("backup-old")], AlarmState(), NOW).heartbeat


@given(st.lists(st.lists(st.sampled_from(["a", "b", "c"]), max_size=3), max_size=20))
def test_whatever_comes_and_goes_what_is_new_is_always_told(rounds: list[list[str]]) -> None:
    state, known = AlarmState(), set[str]()
    for number, kinds in enumerate(rounds):
        decision = decide_alarm([finding(kind) for kind in kinds], state, NOW + timedelta(minutes=number))
        assert decision.tell == bool(set(kinds) - known or (known and not kinds))
        state, known = decision.state, set(kinds)


def test_what_people_read_says_what_was_seen_and_what_mends_it() -> None:
    assert alarm_subject("production", [finding("a"), finding("b")]) == "production: a is wrong. (and 1 more)"
    assert alarm_subject("production", []) == "production: all is well again"
    assert "- seen" in alarm_text([finding("a")])
    assert "To mend it: homeport doctor" in alarm_text([finding("a")])
    document = alarm_document("production", [finding("a")], NOW)
    assert (document["well"], document["findings"][0]["kind"]) == (False, "a")
