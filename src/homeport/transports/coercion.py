"""From the texts of a query or a path to the types that an operation's arguments have.

A text that is not of the type stays a text: the operation's own check then says what would be right.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import orjson

_TRUTH: Final = {"true": True, "1": True, "false": False, "0": False}


def typed(pairs: Iterable[tuple[str, str]], properties: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments from name and text pairs. A list is given by repeating its name, or with commas.

    Args:
        pairs: in the order of the query.
        properties: of the JSON schema of the arguments.
    """
    texts: dict[str, list[str]] = {}
    for name, text in pairs:
        texts.setdefault(name, []).append(text)
    return {name: _argument(values, properties.get(name, {})) for name, values in texts.items()}


def _argument(values: list[str], schema: Mapping[str, Any]) -> Any:  # noqa: ANN401 - JSON
    kinds = _kinds(schema)
    if "array" in kinds and ("string" not in kinds or len(values) > 1):
        items = values if len(values) > 1 else [text for text in values[0].split(",") if text]
        kinds_of_items = next((_kinds(one["items"]) for one in _branches(schema) if "items" in one), {"string"})
        return [_scalar(text, kinds_of_items) for text in items]
    return _scalar(values[0], kinds) if len(values) == 1 else values


def _scalar(text: str, kinds: set[str]) -> Any:  # noqa: ANN401 - JSON
    if "boolean" in kinds and text.lower() in _TRUTH:
        return _TRUTH[text.lower()]
    if not kinds.isdisjoint({"integer", "number", "object"}):
        try:
            value = orjson.loads(text)
        except orjson.JSONDecodeError:
            return text
        wanted = (
            ("integer" in kinds and isinstance(value, int))
            or ("number" in kinds and isinstance(value, int | float))
            or ("object" in kinds and isinstance(value, dict))
        )
        return value if wanted and not isinstance(value, bool) else text
    return text


def _branches(schema: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list(schema.get("anyOf", [schema]))


def _kinds(schema: Mapping[str, Any]) -> set[str]:
    return {branch.get("type", "string") for branch in _branches(schema)}
