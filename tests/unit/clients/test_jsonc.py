"""JSON with comments, changed at one place."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.clients.jsonc import JsonError, append_item, parse, set_member

NAMES = st.text(max_size=8)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=12,
)
OBJECTS = st.dictionaries(NAMES, VALUES, max_size=4)

COMMENTED = """\
// Servers of the whole team.
{
\t/* keep: "other" */
\t"servers": {
\t\t"other": { "url": "https://x.example/a//b", }, // not a comment inside
\t},
\t"inputs": [ ],
}
"""


@given(OBJECTS, st.sampled_from([None, 2, "\t"]))
def test_what_json_takes_is_read_alike(value: Any, indent: Any) -> None:
    text = json.dumps(value, indent=indent)
    assert parse(text, comments=False).value == value
    assert parse(f"\ufeff// a\n{text} /* b */\n", comments=True).value == value


@given(OBJECTS, OBJECTS, NAMES, st.sampled_from([None, 2, "\t"]))
def test_a_member_is_set_and_the_rest_means_what_it_meant(others: Any, table: Any, name: str, indent: Any) -> None:
    before = {**others, "mcpServers": table}
    after = set_member(json.dumps(before, indent=indent), ["mcpServers", name], {"url": "u"}, comments=False)
    assert json.loads(after) == {**before, "mcpServers": {**table, name: {"url": "u"}}}
    assert set_member(after, ["mcpServers", name], {"url": "u"}, comments=False) == after


def test_comments_commas_and_indentation_stay() -> None:
    made = set_member(COMMENTED, ["servers", "ours"], {"url": "u", "headers": {"a": "b"}}, comments=True)
    ours = '\t\t"ours": {\n\t\t\t"url": "u",\n\t\t\t"headers": {\n\t\t\t\t"a": "b"\n\t\t\t}\n\t\t}\n'
    assert ours in made
    assert made.replace(ours, "") == COMMENTED


def test_an_item_is_appended_once() -> None:
    made = append_item(COMMENTED, "inputs", {"id": "a"}, comments=True)
    assert parse(made, comments=True).value["inputs"] == [{"id": "a"}]
    assert append_item(made, "inputs", {"id": "a", "more": 1}, comments=True) == made
    assert "// not a comment inside" in made


def test_lines_end_as_the_file_has_it() -> None:
    text = '{\r\n    "a": 1\r\n}\r\n'
    made = set_member(text, ["mcpServers", "x"], {"url": "u"}, comments=False)
    assert made.count("\n") == made.count("\r\n")
    assert '\r\n    "mcpServers"' in made


def test_an_empty_file_becomes_one_with_the_entry() -> None:
    for text in ("", "\n", "\ufeff", "  \n"):
        assert json.loads(set_member(text, ["a", "b"], 1, comments=False)) == {"a": {"b": 1}}


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ('{\n  "a": 1\n  "b": 2\n}', 3, "a comma is missing"),
        ('{\n  "a": 1,\n}', 3, "a comma stands before the end"),
        ('{"a": 1} x', 1, "something follows"),
        ('{\n"a": {', 2, "ends in the middle"),
        ("{\n\n'a': 1}", 3, "double quotes"),
        ('{\n"a" 1}', 2, "a colon is missing"),
        ('{\n"a": nope}', 2, "nope is not JSON"),
        ('{\n"a": 1,\n"a": 2}', 3, '"a" stands there twice'),
        ('// why\n{"a": 1}', 1, "a comment"),
        ('{"a": "b\n"}', 1, "malformed"),
        ("[" * 200, 1, "nested too deep"),
    ],
)
def test_what_is_broken_is_named_with_its_line(text: str, line: int, what: str) -> None:
    with pytest.raises(JsonError, match=what) as caught:
        set_member(text, ["mcpServers", "x"], 1, comments=False)
    assert caught.value.line == line


@pytest.mark.parametrize("text", ["[]", "7", '{"servers": []}', '{"servers": {"x": 1}, "servers": {}}', "/* open"])
def test_what_has_another_shape_is_refused(text: str) -> None:
    with pytest.raises(JsonError):
        set_member(text, ["servers", "x"], {"url": "u"}, comments=True)
