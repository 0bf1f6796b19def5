"""Bounded waits on a condition: what a test does instead of sleeping."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

import anyio

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")

_PAUSE = 0.01


def until(condition: Callable[[], T], *, within: float = 10.0) -> T:
    """Ask until the answer is true and return it.

    Raises:
        AssertionError: it was not true within so many seconds; the last answer is in the text.
    """
    deadline = time.monotonic() + within
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"not within {within} s: {condition!r} still answers {answer!r}"
        time.sleep(_PAUSE)
    return answer


async def eventually(condition: Callable[[], Awaitable[T]], *, within: float = 10.0) -> T:
    """As :func:`until`, for a condition that is awaited."""
    deadline = time.monotonic() + within
    while not (answer := await condition()):
        assert time.monotonic() < deadline, f"not within {within} s: {condition!r} still answers {answer!r}"
        await anyio.sleep(_PAUSE)
    return answer
