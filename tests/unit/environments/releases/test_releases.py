"""Names of releases, what is read of their records, and which of them are kept."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.environments.releases.release import (
    Release,
    State,
    choose_release,
    is_release_id,
    new_release_id,
    parse_release,
    record_name,
    release_text,
    releases_among,
)
from homeport.environments.releases.retention import FAILED_KEPT, judge_releases
from homeport.errors import HomeportError, UsageError

COMMIT = "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d"
MOMENT = datetime(2026, 10, 2, 6, 15, tzinfo=UTC)


def release(number: int = 0, state: State = "good", commit: str = COMMIT) -> Release:
    at = MOMENT.replace(hour=number // 60, minute=number % 60)
    return Release(
        id=new_release_id(at, commit),
        environment="production",
        commit=commit,
        source="/srv/source",
        created=at.isoformat(),
        by="ada",
        state=state,
        served=at.isoformat() if state in ("good", "bad") else None,
    )


STATES: st.SearchStrategy[State] = st.sampled_from(("built", "good", "bad", "failed"))
SHELVES = st.lists(STATES, max_size=40).map(lambda states: [release(number, one) for number, one in enumerate(states)])


def test_a_release_is_called_after_its_time_and_commit() -> None:
    first = new_release_id(MOMENT, COMMIT)
    assert first == "20261002T061500Z-1a2b3c4"
    assert new_release_id(MOMENT, COMMIT, taken=[first]) == f"{first}-2"
    assert new_release_id(MOMENT, COMMIT, dirty=True) == f"{first}-dirty"


def test_the_tenth_of_a_commit_in_one_second_waits() -> None:
    taken: list[str] = []
    for _ in range(9):
        taken.append(new_release_id(MOMENT, COMMIT, taken=taken))
    assert all(map(is_release_id, taken))
    with pytest.raises(UsageError):
        new_release_id(MOMENT, COMMIT, taken=taken)


@pytest.mark.parametrize(
    "text", ["", "../x", "20261002T061500Z", "20261302T061500Z-1a2b3c4", "20261002T061500Z-1a2b3c4/x", "latest"]
)
def test_what_has_not_the_form_is_no_release(text: str) -> None:
    assert not is_release_id(text)


@given(st.text(max_size=20), st.text(max_size=40), STATES, st.booleans())
def test_a_record_is_read_back_as_it_was_written(why: str, settings: str, state: State, dirty: bool) -> None:
    one = Release(
        id=new_release_id(MOMENT, COMMIT, dirty=dirty),
        environment="production",
        commit=COMMIT,
        source="/srv/source",
        created="2026-10-02T06:15:00+00:00",
        by="ada",
        why=why,
        settings=settings,
        state=state,
        dirty=dirty,
    )
    assert parse_release(release_text(one).encode(), f"/srv/{record_name(one.id)}") == one


@pytest.mark.parametrize(
    "change",
    [{"state": "splendid"}, {"commit": "x"}, {"id": "20261002T061500Z-0000000"}, {"more": 1}, {"dirty": "no"}],
)
def test_a_record_that_says_something_else_is_not_believed(change: dict[str, object]) -> None:
    one = release(0)
    text = json.dumps({**json.loads(release_text(one)), **change}).encode()
    with pytest.raises(HomeportError, match=one.id):
        parse_release(text, record_name(one.id))


@pytest.mark.parametrize("text", [b"", b"[]", b"\xff", b"{", b"null"])
def test_what_is_no_object_is_no_record(text: bytes) -> None:
    with pytest.raises(HomeportError, match="no record"):
        parse_release(text, "x.json")


def test_names_of_a_directory_are_sorted_and_strangers_left_out() -> None:
    ids = [release(number).id for number in (2, 0, 1)]
    names = [*map(record_name, ids), ".building-x", "notes.json", ids[0]]
    assert releases_among(names) == sorted(ids)


def test_a_person_names_a_release_by_its_id_or_its_commit() -> None:
    known = [release(1), release(2), release(3, commit="f" * 40)]
    assert choose_release(known[0].id, known) == known[0]
    assert choose_release("1a2b3c", known) == known[1]
    for wrong in ("1a2", "0000000", ""):
        with pytest.raises(UsageError):
            choose_release(wrong, known)


@given(SHELVES, st.integers(1, 6), st.data())
def test_what_serves_what_backups_need_and_the_last_good_ones_stay(
    shelf: list[Release], keep: int, data: st.DataObject
) -> None:
    ids = [one.id for one in shelf]
    current = data.draw(st.sampled_from([None, *ids]))
    needed = data.draw(st.sets(st.sampled_from(ids))) if ids else set()
    kept = {one.id for one in judge_releases(shelf, keep=keep, current=current, needed=needed) if one.kept}
    good = [one.id for one in shelf if one.state == "good"]
    assert kept >= {*good[-keep:], *needed, *([current] if current else [])}
    assert len(kept - needed - {current} - set(good)) <= FAILED_KEPT


@given(SHELVES, st.integers(1, 6))
def test_releases_that_are_not_good_push_no_good_one_out(shelf: list[Release], keep: int) -> None:
    alone = [one for one in shelf if one.state == "good"]
    among = {one.id for one in judge_releases(shelf, keep=keep, current=None) if one.kept}
    by_themselves = {one.id for one in judge_releases(alone, keep=keep, current=None) if one.kept}
    assert by_themselves == among & {one.id for one in alone}


@given(SHELVES, st.integers(1, 6))
def test_the_order_in_which_they_come_does_not_matter(shelf: list[Release], keep: int) -> None:
    assert judge_releases(shelf[::-1], keep=keep, current=None) == judge_releases(shelf, keep=keep, current=None)
