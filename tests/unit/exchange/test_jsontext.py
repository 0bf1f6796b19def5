"""JSON is read strictly, and what is wrong is named with its place."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.exchange.json_v1.jsontext import BrokenJsonError, dump, locate, parse, pretty, shown

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_what_is_written_reads_back_the_same(value: object) -> None:
    assert parse(dump(value)) == value
    assert parse(pretty(value).decode()) == value


def test_half_an_emoji_survives_as_the_escape_that_it_is() -> None:
    text = '{"subject": "cut off \\ud83d"}'
    assert parse(dump(parse(text))) == json.loads(text)
    assert b"\\ud83d" in pretty(parse(text))


@pytest.mark.parametrize(
    ("text", "line", "column", "what"),
    [
        ("", 1, 1, "not JSON"),
        ('{"a": 1,\n "b": }', 2, 7, "not JSON"),
        ('{"a": 1,\n "b": 2,\n  "a": 3}', 3, 3, "'a' stands twice"),
        ('[{"a": {"b": 1, "b": 2}}]', 1, 17, "'b' stands twice"),
        ('{"a": [{"a": 1}, {"a": 1}],\n"a": 2}', 2, 1, "'a' stands twice"),
        ("[1,\nNaN]", 2, 1, "NaN is not JSON"),
        ("[-Infinity]", 1, 2, "-Infinity is not JSON"),
        ("[1, 1e999]", 1, 5, "1e999 is out of range"),
        ("[" + "9" * 2000 + "]", 1, 2, "out of range"),
        ("\n" + "[" * 101 + "]" * 101, 2, 101, "more than 100 levels"),
        ("[" * 100_000, 1, 101, "more than 100 levels"),
    ],
)
def test_a_broken_text_is_named_with_its_line_and_column(text: str, line: int, column: int, what: str) -> None:
    with pytest.raises(BrokenJsonError) as caught:
        parse(text)
    assert (caught.value.line, caught.value.column) == (line, column)
    assert what in str(caught.value)


def test_a_key_may_stand_in_many_objects_and_a_number_may_be_large() -> None:
    assert parse('[{"a": {"a": [{"a": 1}]}}, {"a": 123456789012345678901234567890}, 1e300, "a: b"]') == [
        {"a": {"a": [{"a": 1}]}},
        {"a": 123456789012345678901234567890},
        1e300,
        "a: b",
    ]
    assert math.isclose(parse("0.1"), 0.1)


def test_a_value_is_found_by_its_path() -> None:
    text = '{\n  "x": [1, {"y\\"": "]}"}],\n  "messages": [{"id": "a"},\n    {"from": "b"}]\n}'
    assert locate(text, ("messages", 1)) == (4, 5)
    assert locate(text, ("messages", 0, "id")) == (3, 23)
    assert locate(text, ("messages", 1, "id")) == (4, 5), "what is not there is looked for where it should be"
    assert locate(text, ()) == (1, 1)
    assert shown(("messages", 3, "id")) == "messages[3].id"
