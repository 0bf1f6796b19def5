"""JSON-RPC 2.0 as MCP uses it: reading a body, and writing the two kinds of response."""

from __future__ import annotations

from typing import Any, Final

import orjson

from homeport.errors import HomeportError

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
INTERNAL_ERROR: Final = -32603
HEADER_MISMATCH: Final = -32020
"""Of MCP 2026-07-28: a header and the body disagree, or the header is missing."""

REFUSED: Final = {
    "invalid": INVALID_PARAMS,
    "not_found": -32004,
    "conflict": -32009,
    "too_large": -32013,
    "limited": -32029,
    "unauthorized": -32041,
    "forbidden": -32043,
    "unavailable": -32053,
}
"""Codes of refused calls for clients that read errors alone, in the range left to implementations."""

MAX_DEPTH: Final = 64
"""Of arrays and objects within each other; what is stored must be written again, and clients recurse."""

RequestId = str | int | float | None


class MalformedError(Exception):
    """A body that is not JSON, or nested too deep."""


def parse(body: bytes) -> Any:  # noqa: ANN401 - whatever JSON holds
    """The value that the body is.

    Raises:
        MalformedError: the sentence says what is wrong, and where.
    """
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise MalformedError(f"The body is not JSON: {error}") from None
    if body.count(b"{") + body.count(b"[") > MAX_DEPTH and _too_deep(value):
        raise MalformedError(f"The body is nested over {MAX_DEPTH} deep.")
    return value


def _too_deep(value: object) -> bool:
    """Goes down level by level, so that its own depth is one."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for node in level
            for child in (node.values() if isinstance(node, dict) else node if isinstance(node, list) else ())
            if isinstance(child, dict | list)
        ]
        if not level:
            return False
    return True


def response(request_id: RequestId, result: object) -> bytes:
    """A successful response."""
    return orjson.dumps({"jsonrpc": "2.0", "id": request_id, "result": result})


def error_response(request_id: RequestId, code: int, message: str, data: object = None) -> bytes:
    """An error response; ``request_id`` is None where it could not be read."""
    return orjson.dumps({"jsonrpc": "2.0", "id": request_id, "error": error_object(code, message, data)})


def error_object(code: int, message: str, data: object = None) -> dict[str, object]:
    """The ``error`` member."""
    error: dict[str, object] = {"code": code, "message": message}
    return error if data is None else {**error, "data": data}


def refused(error: HomeportError) -> dict[str, object]:
    """The ``error`` member for a refused call: a code of its kind, the sentence and the hint, and the facts."""
    return error_object(REFUSED.get(error.code, -32000), str(error), error.as_json())


def refusal_response(request_id: RequestId, error: HomeportError) -> bytes:
    """An error response for a refused call."""
    return orjson.dumps({"jsonrpc": "2.0", "id": request_id, "error": refused(error)})


def is_request_id(value: object) -> bool:
    """MCP's ids are strings and integers, never null."""
    return isinstance(value, str | int) and not isinstance(value, bool)
