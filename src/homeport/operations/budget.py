"""A budget for answers: an agent's context is dear, so a list ends where it would cost too much."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

import orjson

from homeport.coordination.values import JsonObject
from homeport.operations import cursors

T = TypeVar("T")

LIST_COST: Final = 5_000
"""What a list may cost: bytes of JSON, at about three to a token well under 2,000 tokens."""

PAGE_COST: Final = 400_000
"""The same where people look: a page is not paid for by the word, and its lists end by their number of rows."""

PREVIEW: Final = 160
"""Characters of a text that a list shows."""

_ASTRAL: Final = 3
"""A character beyond the basic plane (an emoji) takes four bytes, and often three tokens: it counts for more."""


def cost(value: object) -> int:
    """What a value costs in an answer, in bytes of compact JSON, emoji weighted."""
    text = orjson.dumps(value)
    if text.isascii():
        return len(text)
    return len(text) + _ASTRAL * sum(byte >= 0xF0 for byte in text)


def page(
    rows: Sequence[T],
    limit: int,
    shown: Callable[[T], JsonObject],
    position: Callable[[T], cursors.Position],
    budget: int = LIST_COST,
) -> tuple[list[JsonObject], JsonObject]:
    """As many rows as fit into a limit and a budget, at least one if there is one.

    ``rows`` should hold one more than ``limit`` where there are more.

    Returns:
        What is shown; and ``{"next_cursor": …}`` if rows follow what is shown, else an empty object.
    """
    items: list[JsonObject] = []
    spent = 0
    for row in rows:
        item = shown(row)
        spent += cost(item) + 1
        if len(items) == limit or (items and spent > budget):
            return items, {"next_cursor": cursors.encode(position(rows[len(items) - 1]))}
        items.append(item)
    return items, {}


def preview(text: str, length: int = PREVIEW) -> tuple[str, bool]:
    """The beginning of a text on one line, cut at a word where there is one; and whether anything is left out."""
    line = " ".join(text[: 4 * length].split())
    if len(line) <= length and len(text) <= 4 * length:
        return line, False
    head = line[: length - 1]
    at = head.rfind(" ", length // 2)
    return (head[:at] if at > 0 else head) + "…", True
