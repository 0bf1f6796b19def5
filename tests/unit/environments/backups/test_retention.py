"""Which backups stay: always enough good ones, each with its reason."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from homeport.environments.backups.retention import Candidate, Retention, Verdict, judge_retention

BEGINNING = datetime(2026, 10, 2, 6, 15, tzinfo=UTC)
NONE = Retention(last=0, weekly=0, monthly=0, minimum=0, failures=0)
LAST = Retention(last=30, weekly=0, monthly=0)


def every(hours: float, number: int, *, good: bool = True) -> list[Candidate]:
    return [
        Candidate(f"{'good' if good else 'bad'}{n:04}", BEGINNING + timedelta(hours=hours * n), good)
        for n in range(number)
    ]


def judged(candidates: list[Candidate], rules: Retention) -> dict[str, Verdict]:
    return {verdict.id: verdict for verdict in judge_retention(candidates, rules, lambda at: at.astimezone(UTC))}


def kept(candidates: list[Candidate], rules: Retention) -> list[str]:
    return sorted(verdict.id for verdict in judged(candidates, rules).values() if verdict.kept)


def test_of_thirty_one_backups_thirty_stay_by_default() -> None:
    found = kept(every(6, 31), Retention())
    assert len(found) == 30
    assert "good0000" not in found


def test_failed_attempts_push_no_good_one_out() -> None:
    failures = [Candidate(f"bad{n}", BEGINNING + timedelta(days=1, hours=n), good=False) for n in range(100)]
    found = kept([*every(1, 5), *failures], Retention(last=5, weekly=0, monthly=0))
    assert [name for name in found if name.startswith("good")] == [f"good{n:04}" for n in range(5)]
    assert len([name for name in found if name.startswith("bad")]) == 10


def test_what_is_pinned_stays_for_ever_and_takes_nobodys_place() -> None:
    pinned = [Candidate(f"pinned{n}", BEGINNING + timedelta(days=9, hours=n), False, pinned="why") for n in range(12)]
    found = judged([*pinned, *every(1, 40), *every(2, 15, good=False)], LAST)
    assert all(found[one.id].reasons == ("why",) for one in pinned)
    assert sum(1 for name, verdict in found.items() if name.startswith("good") and verdict.kept) == 30
    assert sum(1 for name, verdict in found.items() if name.startswith("bad") and verdict.kept) == 10


def test_each_period_keeps_its_newest() -> None:
    rules = Retention(last=0, hourly=0, daily=3, weekly=0, monthly=2, minimum=0)
    found = judged(every(6, 4 * 60), rules)
    days = [verdict for verdict in found.values() if "the last of its day" in verdict.reasons]
    months = [verdict for verdict in found.values() if "the last of its month" in verdict.reasons]
    assert len(days) == 3
    assert len(months) == 2
    assert all(verdict.kept for verdict in [*days, *months])
    assert len([verdict for verdict in found.values() if verdict.kept]) == 3, "the last of November is both"


def test_the_newest_that_a_drill_restored_stays_until_there_is_a_newer_one() -> None:
    old = Candidate("old", BEGINNING - timedelta(days=400), good=True, proven=True)
    assert "the newest that a drill restored" in judged([old, *every(1, 40)], LAST)["old"].reasons
    newer = Candidate("newer", BEGINNING + timedelta(days=1), good=True, proven=True)
    assert "old" not in kept([old, newer, *every(1, 40)], LAST)


def test_what_is_pinned_stays_with_its_reason() -> None:
    pinned = Candidate("pinned", BEGINNING - timedelta(days=400), good=True, pinned="before the deploy of 1a2b3c4")
    assert judged([pinned, *every(1, 40)], LAST)["pinned"].reasons == ("before the deploy of 1a2b3c4",)


def test_days_are_counted_in_the_zone_that_is_given() -> None:
    ids = count()
    late = [Candidate(f"at{next(ids)}", datetime(2026, 10, 2, hour, tzinfo=UTC), good=True) for hour in (21, 23)]
    rules = Retention(last=0, daily=2, weekly=0, monthly=0, minimum=0)
    assert kept(late, rules) == ["at1"]
    two_hours_east = judge_retention(late, rules, lambda at: at + timedelta(hours=2))
    assert [verdict.kept for verdict in two_hours_east] == [True, True]


CANDIDATES = st.lists(
    st.builds(
        Candidate,
        st.uuids().map(str),
        st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - bounds
        st.booleans(),
        st.booleans(),
    ),
    max_size=80,
    unique_by=lambda one: one.id,
)
RULES = st.builds(
    Retention,
    last=st.integers(0, 40),
    hourly=st.integers(0, 5),
    daily=st.integers(0, 5),
    weekly=st.integers(0, 5),
    monthly=st.integers(0, 5),
    minimum=st.integers(0, 10),
    failures=st.integers(0, 5),
)


@given(CANDIDATES, RULES)
def test_there_are_always_enough_good_ones_and_the_newest_is_among_them(
    candidates: list[Candidate], rules: Retention
) -> None:
    found = judged(candidates, rules)
    good = sorted((one for one in candidates if one.good), key=lambda one: (one.created, one.id))
    stay = [one for one in good if found[one.id].kept]
    assert set(found) == {one.id for one in candidates}
    assert len(stay) >= min(len(good), max(rules.minimum, rules.last))
    if good and (rules.last or rules.minimum):
        assert found[good[-1].id].kept


@given(CANDIDATES, RULES)
def test_what_failed_changes_nothing_for_what_is_good(candidates: list[Candidate], rules: Retention) -> None:
    good = [one for one in candidates if one.good]
    alone, together = judged(good, rules), judged(candidates, rules)
    assert {one.id: together[one.id] for one in good} == alone


@given(CANDIDATES, RULES)
def test_pruning_twice_removes_no_more_than_pruning_once(candidates: list[Candidate], rules: Retention) -> None:
    once = [one for one in candidates if judged(candidates, rules)[one.id].kept]
    assert kept(once, rules) == sorted(one.id for one in once)


def test_with_no_rule_at_all_nothing_is_kept() -> None:
    assert kept(every(1, 3), NONE) == []
