"""An answer or a refusal, as a value: for tests that must take either."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from homeport.errors import CallError

T = TypeVar("T")


def outcome(call: Callable[[], T]) -> T | CallError:
    """What a call answers, or the refusal that it raises; a refusal always says what to do."""
    try:
        return call()
    except CallError as raised:
        refusal = raised
    assert refusal.sentence
    assert refusal.hint
    return refusal
