"""JSON in text columns."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import orjson


def dump(value: object) -> str:
    """JSON text of any JSON value."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        # Integers over 64 bits and lone surrogates, which earlier data may hold, and which orjson refuses.
        return json.dumps(value)


def load(text: str) -> Any:  # noqa: ANN401 - JSON is anything
    """The value of JSON text."""
    if text == "{}":
        return {}
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return json.loads(text)


def dump_texts(texts: Sequence[str]) -> str:
    """JSON text of a list of texts."""
    return dump(list(texts)) if texts else "[]"


def load_texts(text: str) -> tuple[str, ...]:
    """The texts of a JSON list."""
    return () if text == "[]" else tuple(load(text))
