"""Kinds of arguments that many operations take."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import orjson
from pydantic import AfterValidator, Field

from homeport.coordination.values import MAX_ITEMS, MAX_METADATA, MAX_PAGE


def small(value: dict[str, Any]) -> dict[str, Any]:
    """An object that can be stored as JSON and is not larger than metadata may be.

    Raises:
        ValueError: what is wrong with it.
    """
    try:
        size = len(orjson.dumps(value))
    except TypeError as error:
        # A whole number over 64 bits, half of a surrogate pair: JSON parsers let them through.
        raise ValueError(f"it cannot be stored as JSON: {error}") from error
    if size > MAX_METADATA:
        raise ValueError(f"{size} bytes of JSON, at most {MAX_METADATA} are allowed")
    return value


InstanceId = Annotated[str, Field(alias="instanceId")]
Metadata = Annotated[dict[str, Any], AfterValidator(small)]
Tags = Annotated[list[Annotated[str, Field(max_length=100)]], Field(max_length=MAX_ITEMS)]
Limit = Annotated[int, Field(ge=1, le=MAX_PAGE)]
Cursor = str
"""The ``next_cursor`` of the page before."""
TaskPriority = Literal["critical", "high", "medium", "low"]
TaskStatus = Literal["pending", "claimed", "in_progress", "blocked", "completed"]
ProjectStatus = Literal["active", "completed", "archived", "on_hold"]
MessagePriority = Literal["urgent", "high", "normal", "low"]
