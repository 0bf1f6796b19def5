"""Times and names, whatever comes in."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.coordination.values import MAX_NAME, checked_name, checked_text, did_you_mean, from_iso, iso, merged
from homeport.errors import CallError, InvalidError, TooLargeError
from tests.support.outcomes import outcome

FIRST = -62_135_596_800_000
"""0001-01-01T00:00:00.000Z, the first time that Python knows."""
LAST = 253_402_300_799_999
"""9999-12-31T23:59:59.999Z, the last one."""


@given(st.integers(FIRST, LAST))
def test_a_time_written_down_is_read_as_the_same_time(at: int) -> None:
    text = iso(at)
    assert len(text) == len("2026-10-02T06:15:00.000Z")
    assert from_iso(text) == at


@given(st.lists(st.integers(FIRST, LAST), min_size=2, max_size=2))
def test_times_sort_as_texts_as_they_do_as_numbers(pair: list[int]) -> None:
    assert sorted(map(iso, pair)) == [iso(at) for at in sorted(pair)]


@given(st.datetimes(timezones=st.timezones() | st.none()))
def test_every_form_of_a_time_is_read_or_refused(at: object) -> None:
    read = outcome(lambda: from_iso(str(at)))
    assert isinstance(read, CallError) or FIRST <= read <= LAST


@given(st.text(max_size=40))
def test_a_text_that_is_no_time_is_refused_and_never_crashes(text: str) -> None:
    assert isinstance(outcome(lambda: from_iso(text)), InvalidError | int)


def test_zones_and_missing_zones_are_understood() -> None:
    assert from_iso("1970-01-01T01:00:00+01:00") == from_iso("1970-01-01T00:00:00") == from_iso("1970-01-01") == 0
    assert from_iso("1969-12-31T23:59:59.999Z") == -1
    assert iso(-1) == "1969-12-31T23:59:59.999Z"


@given(st.text(max_size=MAX_NAME + 5))
def test_a_name_is_safe_as_a_file_name_or_refused(text: str) -> None:
    name = outcome(lambda: checked_name(text, "id"))
    if isinstance(name, CallError):
        assert name.sentence.startswith("id: ")
        return
    assert name == text == text.strip()
    assert 1 <= len(name) <= MAX_NAME
    assert not set(name) & set("/\\,:")
    assert name.strip(".")
    assert not any(unicodedata.category(letter) in ("Cc", "Cs") for letter in name)
    name.encode()


@pytest.mark.parametrize(
    "bad", ["", " a", "a ", ".", "..", "....", "a/b", "a\\b", "a,b", "a:b", "a\nb", "\x7f", "\x85", "\ud800"]
)
def test_such_a_name_is_refused(bad: str) -> None:
    with pytest.raises(InvalidError):
        checked_name(bad, "id")


@pytest.mark.parametrize("good", ["a", "a.b", "...a", "Zoë", "日本", "🚀", "a b", "a" * MAX_NAME, "-", "_", "'"])
def test_such_a_name_is_good(good: str) -> None:
    assert checked_name(good, "id") == good


@given(st.text(max_size=30), st.integers(0, 60))
def test_a_text_is_measured_in_bytes(text: str, limit: int) -> None:
    size = len(text.encode())
    if size <= limit:
        assert checked_text(text, "content", limit) == text
    else:
        with pytest.raises(TooLargeError, match=f"content: {size} bytes"):
            checked_text(text, "content", limit)


VALUES = st.dictionaries(st.sampled_from("abc"), st.none() | st.integers(0, 2))


@given(VALUES, VALUES)
def test_merging_replaces_and_a_null_removes(old: dict[str, object], new: dict[str, object]) -> None:
    after = merged(old, new)
    assert None not in after.values()
    for key in "abc":
        assert after.get(key) == (new[key] if key in new else old.get(key))
    assert merged(after, {}) == after


def test_a_hint_offers_what_is_near_or_the_first_of_what_is_there() -> None:
    assert did_you_mean("nvoa", ["nova", "zeta"]) == "Did you mean nova?"
    assert did_you_mean("xyz", ["nova", "alpha"]) == "Known: alpha, nova."
    assert did_you_mean("xyz", []) == ""
