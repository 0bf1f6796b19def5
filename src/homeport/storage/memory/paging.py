"""Lists in order, continued after a position."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from homeport.coordination.values import Page

T = TypeVar("T")


def following(rows: Iterable[T], key: Callable[[T], tuple[Any, ...]], page: Page) -> list[T]:
    """The page's rows, by growing key."""
    wanted = (row for row in rows if page.after is None or key(row) > page.after)
    return sorted(wanted, key=key)[: page.limit]


def preceding(rows: Iterable[T], key: Callable[[T], int], page: Page) -> list[T]:
    """The page's rows, by falling number."""
    wanted = (row for row in rows if page.after is None or (key(row),) < page.after)
    return sorted(wanted, key=key, reverse=True)[: page.limit]
