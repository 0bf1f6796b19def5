"""JSON schemas of arguments and answers: small, and of the subset that every major client takes."""

from __future__ import annotations

from functools import cache
from typing import Any

from homeport.operations.operation import Arguments, Operation

_DROPPED = ("title", "default", "$defs", "additionalProperties", "maxItems", "maxLength")
"""What only makes the list of tools longer; the limits hold all the same, and a refusal names them."""


@cache
def input_schema(arguments: type[Arguments]) -> dict[str, Any]:
    """The schema of an argument model, without titles, references, nulls and defaults.

    References are resolved in place and ``anyOf`` with null becomes the other branch: several clients refuse
    ``$ref``, and a null need not be sent.
    """
    raw = arguments.model_json_schema(by_alias=True)
    definitions = raw.get("$defs", {})
    schema: dict[str, Any] = {"type": "object", "properties": {}}
    for name, value in raw.get("properties", {}).items():
        schema["properties"][name] = _slim(value, definitions)
    if raw.get("required"):
        schema["required"] = raw["required"]
    schema["additionalProperties"] = False
    return schema


def output_schema(operation: Operation) -> dict[str, Any]:
    """The schema of an operation's answer: an object with at least these properties."""
    return {"type": "object", "properties": dict(operation.answer)}


def _slim(node: object, definitions: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON in, JSON out
    if isinstance(node, list):
        return [_slim(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        rest = {key: value for key, value in node.items() if key != "$ref"}
        return _slim({**definitions[node["$ref"].rpartition("/")[2]], **rest}, definitions)
    if "anyOf" in node:
        branches = [branch for branch in node["anyOf"] if branch.get("type") != "null"]
        rest = {key: value for key, value in node.items() if key != "anyOf"}
        merged = {**branches[0], **rest} if len(branches) == 1 else {"anyOf": branches, **rest}
        if len(branches) == 1:
            return _slim(merged, definitions)
        node = merged
    slim: dict[str, Any] = {}
    for key, value in node.items():
        if key == "properties":
            slim[key] = {name: _slim(item, definitions) for name, item in value.items()}
        elif key not in _DROPPED:
            slim[key] = _slim(value, definitions)
    return slim
