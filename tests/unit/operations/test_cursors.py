"""Cursors go out and come back; nothing else comes in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.errors import CallError, InvalidError
from homeport.operations import cursors
from tests.support.outcomes import outcome

NUMBERS = st.integers(-(2**63) + 1, 2**63 - 1)
NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@given(NUMBERS, NAMES)
def test_a_cursor_comes_back_as_the_position_that_it_was(number: int, name: str) -> None:
    for position in ((number,), (name,), (number, name), (name, number)):
        cursor = cursors.encode(position)
        assert cursor.isascii()
        assert cursors.decode(cursor, *map(type, position)) == position
    assert cursors.number(cursors.encode((number,))) == number


def test_no_cursor_is_no_position() -> None:
    assert cursors.decode(None, int) is None
    assert cursors.number(None) is None


@given(NUMBERS, NAMES)
def test_a_cursor_of_another_list_is_refused(number: int, name: str) -> None:
    for position, shape in (((number,), (str,)), ((name,), (int,)), ((number, number), (int,)), ((number,), ())):
        with pytest.raises(InvalidError, match="not a cursor of this list"):
            cursors.decode(cursors.encode(position), *shape)


@given(st.text(max_size=60) | st.text("ABCabc012_-=+/ \n", max_size=60))
def test_garbage_is_refused_or_is_exactly_a_cursor(text: str) -> None:
    position = outcome(lambda: cursors.decode(text, int))
    assert position is not None
    assert isinstance(position, CallError) or cursors.encode(position) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "W10",
        "bnVsbA",
        "W3RydWVd",
        "WzEuNV0",
        "WzFd!",
        "WzFd=",
        " WzFd",
        "é",
        "W" * 401,
        "W" * 300,
        "e30",
        "\x00",
    ],
)
def test_such_a_cursor_is_refused(text: str) -> None:
    with pytest.raises(InvalidError):
        cursors.decode(text, int)


@pytest.mark.parametrize("number", [2**63, 2**64 - 1, -(2**63)])
def test_a_number_beyond_what_stores_count_is_refused(number: int) -> None:
    with pytest.raises(InvalidError):
        cursors.number(cursors.encode((number,)))
