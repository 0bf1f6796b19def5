"""Bounded waits on a condition: what a test does instead of sleeping."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

import anyio

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")

_SHORTEST, _LONGEST = 0.01, 0.25


def until(condition: Callable[[], T], *, within: float = 30.0) -> T:
    """Ask until the answer is true and return it.

    Raises:
        AssertionError: it was not true within so many seconds; the last answer is in the text.
    """
    deadline = time.monotonic() + within
    began = time.monotonic()
    while not (answer := condition()):
        now = time.monotonic()
        assert now < deadline, f"not within {within} s: {condition!r} still answers {answer!r}"
        time.sleep(_pause(now - began))
        began = time.monotonic()
    return answer


async def eventually(condition: Callable[[], Awaitable[T]], *, within: float = 30.0) -> T:
    """As :func:`until`, for a condition that is awaited."""
    deadline = time.monotonic() + within
    began = time.monotonic()
    while not (answer := await condition()):
        now = time.monotonic()
        assert now < deadline, f"not within {within} s: {condition!r} still answers {answer!r}"
        await anyio.sleep(_pause(now - began))
        began = time.monotonic()
    return answer


def _pause(asking: float) -> float:
    """Before it is asked again: whoever asks leaves most of a core to what is waited for."""
    return min(max(_SHORTEST, 3 * asking), _LONGEST)
