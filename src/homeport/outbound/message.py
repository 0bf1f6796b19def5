"""What the bridge must know of a message to carry it: whether somebody waits, and which headers go with it. Pure."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from typing import Any, Final

RequestId = int | str

VERSION_KEY: Final = "io.modelcontextprotocol/protocolVersion"
LOST: Final = -32000
"""The code of errors that the bridge itself answers with: the first of those that JSON-RPC leaves to servers."""

_NAMES: Final = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
_PLAIN: Final = re.compile(r"[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?")
_ENCODED: Final = re.compile(r"=\?base64\?.*\?=", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Message:
    """A message of the client's, as it came, and what was read off it."""

    raw: bytes
    ids: tuple[RequestId, ...]
    """Of the requests in it: whoever sent them waits for as many answers."""
    method: str
    """Empty for a response and for a batch."""
    version: str | None
    """Where the message says its revision itself, as those since 2026-07-28 do."""
    name: str | None
    cancels: RequestId | None
    repeatable: bool
    """Whether it may be sent again when nobody knows what became of the first time."""


def read_message(raw: bytes) -> Message:
    """Reads a line.

    Raises:
        ValueError: it is not a JSON object or array.
    """
    value = json.loads(raw)
    if isinstance(value, list):
        parts = [part for part in value if isinstance(part, dict)]
        repeatable = all(_repeatable(part) for part in parts)
        ids = tuple(one for part in parts if (one := _request_id(part)) is not None)
        return Message(raw, ids, "", None, None, None, repeatable)
    if not isinstance(value, dict):
        raise ValueError("a message is an object")  # noqa: TRY004 - one error for all that is not a message
    method = value.get("method")
    method = method if isinstance(method, str) else ""
    params = value.get("params")
    params = params if isinstance(params, dict) else {}
    one = _request_id(value)
    return Message(
        raw=raw,
        ids=() if one is None else (one,),
        method=method,
        version=_text(_table(params.get("_meta")).get(VERSION_KEY)),
        name=_text(params.get(_NAMES[method])) if method in _NAMES else None,
        cancels=_id(params.get("requestId")) if method == "notifications/cancelled" else None,
        repeatable=_repeatable(value),
    )


def headers_of(message: Message, negotiated: str | None, session: str | None) -> dict[str, str]:
    """The protocol's headers of the request that carries a message.

    Args:
        message: to be carried.
        negotiated: the revision that ``initialize`` agreed on, if there was one.
        session: the id that the server gave then, if it did.
    """
    headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    if message.version is not None:
        headers["MCP-Protocol-Version"] = message.version
        if message.method:
            headers["Mcp-Method"] = message.method
        if message.name is not None:
            headers["Mcp-Name"] = header_value(message.name)
        return headers
    if message.method != "initialize":
        headers |= stream_headers(negotiated, session)
    return headers


def stream_headers(negotiated: str | None, session: str | None) -> dict[str, str]:
    """Those of everything after ``initialize``."""
    headers = {}
    if negotiated is not None:
        headers["MCP-Protocol-Version"] = negotiated
    if session is not None:
        headers["Mcp-Session-Id"] = session
    return headers


def header_value(text: str) -> str:
    """A text as a header's value; what cannot stand in one is wrapped in base64, as 2026-07-28 has it."""
    if _PLAIN.fullmatch(text) and not _ENCODED.fullmatch(text):
        return text
    return f"=?base64?{base64.b64encode(text.encode()).decode()}?="


def answered_by(raw: bytes) -> tuple[RequestId, ...]:
    """The ids of the requests that a message of the server's answers."""
    value = json.loads(raw)
    parts = value if isinstance(value, list) else [value]
    answers = [part for part in parts if isinstance(part, dict) and ("result" in part or "error" in part)]
    return tuple(one for part in answers if (one := _id(part.get("id"))) is not None)


def negotiated_by(raw: bytes) -> str | None:
    """The revision that an answer to ``initialize`` agrees on."""
    value = json.loads(raw)
    return _text(_table(_table(value).get("result")).get("protocolVersion"))


def error_line(request_id: RequestId | None, code: int, text: str) -> bytes:
    """A JSON-RPC error as one line."""
    error = {"jsonrpc": "2.0", "id": request_id, "error": {"code": code, "message": text}}
    return json.dumps(error, ensure_ascii=False).encode()


def one_line(raw: bytes) -> bytes:
    """JSON without line breaks. They can only stand between values: inside a string JSON forbids them."""
    return raw.strip().replace(b"\r", b" ").replace(b"\n", b" ")


def _repeatable(value: dict[str, Any]) -> bool:
    if value.get("method") != "tools/call":
        return True
    return "idempotency_key" in _table(_table(value.get("params")).get("arguments"))


def _request_id(value: dict[str, Any]) -> RequestId | None:
    return _id(value.get("id")) if "method" in value else None


def _id(value: object) -> RequestId | None:
    return value if isinstance(value, int | str) and not isinstance(value, bool) else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _table(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
