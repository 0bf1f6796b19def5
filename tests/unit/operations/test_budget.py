"""What a list may cost, whatever it holds."""

from __future__ import annotations

from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from homeport.operations import cursors
from homeport.operations.budget import cost, page, preview

TEXTS = st.text(st.sampled_from("ab é日🚀\n\t"), max_size=200)


@given(st.lists(TEXTS, max_size=30), st.integers(1, 35), st.integers(0, 900))
def test_a_page_never_costs_more_than_its_budget_beyond_the_first_item(
    texts: list[str], limit: int, budget: int
) -> None:
    rows = list(enumerate(texts))

    def shown(row: tuple[int, str]) -> dict[str, Any]:
        return {"text": row[1]}

    items, rest = page(rows, limit, shown, lambda row: (row[0],), budget)
    assert items == [shown(row) for row in rows[: len(items)]]
    assert len(items) <= limit
    assert bool(items) is bool(rows)
    if len(items) > 1:
        assert sum(cost(item) for item in items) <= budget
    if len(items) == len(rows):
        assert rest == {}
    else:
        assert cursors.decode(rest["next_cursor"], int) == (len(items) - 1,)
        more = [shown(row) for row in rows[: len(items) + 1]]
        assert len(items) == limit or sum(cost(item) + 1 for item in more) > budget


@given(TEXTS)
def test_a_text_costs_its_bytes_and_emoji_more(text: str) -> None:
    assert cost(text) == len(orjson.dumps(text)) + 3 * text.count("🚀")


@given(st.text(max_size=300) | TEXTS, st.integers(2, 160))
def test_a_preview_is_one_line_never_longer_than_asked_for(text: str, length: int) -> None:
    line, cut = preview(text, length)
    assert len(line) <= length
    assert line == " ".join(line.split())
    if cut:
        assert line.endswith("…")
        assert " ".join(text.split()).startswith(line[:-1])
    else:
        assert line == " ".join(text.split())


def test_a_preview_ends_at_a_word_where_there_is_one() -> None:
    assert preview("one two three", 20) == ("one two three", False)
    assert preview("one two three four", 12) == ("one two…", True)
    assert preview("x" * 30, 10) == ("x" * 9 + "…", True)
