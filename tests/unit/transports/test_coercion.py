"""Texts of a query become what the schema asks for, or stay texts."""

from __future__ import annotations

from typing import Any

import pytest

from homeport.transports.coercion import typed

SCHEMA: dict[str, Any] = {
    "text": {"type": "string"},
    "count": {"type": "integer"},
    "share": {"type": "number"},
    "flag": {"type": "boolean"},
    "tags": {"type": "array", "items": {"type": "string"}},
    "numbers": {"type": "array", "items": {"type": "integer"}},
    "either": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
    "more": {"type": "object"},
}


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([("text", "7")], {"text": "7"}),
        ([("count", "7")], {"count": 7}),
        ([("count", "seven")], {"count": "seven"}),
        ([("count", "true")], {"count": "true"}),
        ([("count", "7.5")], {"count": "7.5"}),
        ([("share", "0.5")], {"share": 0.5}),
        ([("flag", "TRUE")], {"flag": True}),
        ([("flag", "0")], {"flag": False}),
        ([("flag", "perhaps")], {"flag": "perhaps"}),
        ([("tags", "a,b,")], {"tags": ["a", "b"]}),
        ([("tags", "a,b"), ("tags", "c")], {"tags": ["a,b", "c"]}),
        ([("tags", "")], {"tags": []}),
        ([("numbers", "1,x")], {"numbers": [1, "x"]}),
        ([("either", "a,b")], {"either": "a,b"}),
        ([("either", "a"), ("either", "b")], {"either": ["a", "b"]}),
        ([("more", '{"a": 1}')], {"more": {"a": 1}}),
        ([("more", "[]")], {"more": "[]"}),
        ([("text", "a"), ("text", "b")], {"text": ["a", "b"]}),
        ([("unknown", "a")], {"unknown": "a"}),
    ],
)
def test_a_text_becomes_what_the_schema_asks_for(pairs: list[tuple[str, str]], expected: dict[str, Any]) -> None:
    assert typed(pairs, SCHEMA) == expected
