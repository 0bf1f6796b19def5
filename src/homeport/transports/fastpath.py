"""Which requests take the lean way: plain calls of tools, exactly as the protocol asks for them.

Whatever is not recognised here goes to the official SDK, which answers it as the specification says. So these
checks may be stricter than the SDK's, never laxer.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Container
from typing import Any, Final, NamedTuple

from homeport.transports.exchange import Exchange
from homeport.transports.jsonrpc import is_request_id
from homeport.transports.results import MODERN

_VERSION_KEY: Final = "io.modelcontextprotocol/protocolVersion"
_CAPABILITIES_KEY: Final = "io.modelcontextprotocol/clientCapabilities"
_CLIENT_KEY: Final = "io.modelcontextprotocol/clientInfo"
TASKS: Final = "io.modelcontextprotocol/tasks"
"""The extension with which calls may be answered later."""
_RESERVED: Final = "io.modelcontextprotocol/"
_PLAIN_MODERN_PARAMS: Final = frozenset({"name", "arguments", "_meta"})
_BASE64_START: Final = b"=?base64?"
_BASE64_END: Final = b"?="


class PlainCall(NamedTuple):
    """A ``tools/call`` that needs nothing but its answer."""

    id: str | int
    name: str
    arguments: dict[str, Any]


class Accepts(NamedTuple):
    """What a client takes."""

    json: bool
    events: bool


_accepts: dict[bytes, Accepts] = {}


def accepts(header: bytes | None) -> Accepts:
    """Reads an Accept header, wildcards included; a missing one accepts nothing, as in the SDK."""
    if header is None:
        return Accepts(json=False, events=False)
    known = _accepts.get(header)
    if known is None:
        kinds = {part.partition(b";")[0].strip().lower() for part in header.split(b",")}
        known = Accepts(
            json=not kinds.isdisjoint({b"*/*", b"application/*", b"application/json"}),
            events=not kinds.isdisjoint({b"*/*", b"text/*", b"text/event-stream"}),
        )
        if len(_accepts) < 256:
            _accepts[header] = known
    return known


def modern(exchange: Exchange, message: object, names: Container[str]) -> PlainCall | None:
    """The plain call that a request of revision 2026-07-28 is, or None."""
    headers = exchange.headers
    if exchange.repeated or headers.get(b"mcp-method", b"").strip() != b"tools/call" or not _is_json(headers):
        return None
    if accepts(headers.get(b"accept")) != (True, True):
        return None
    call = _call(message, names)
    if call is None or not _PLAIN_MODERN_PARAMS.issuperset(message["params"]):  # type: ignore[index]  # _call looked
        return None
    if decoded_header(headers.get(b"mcp-name")) != call.name:
        return None
    meta = message["params"].get("_meta")  # type: ignore[index]  # _call looked
    return call if _is_plain_envelope(meta) else None


def declares_tasks(message: object) -> bool:
    """Whether a request of 2026-07-28 may be answered with a handle."""
    match message:
        case {
            "params": {"_meta": {"io.modelcontextprotocol/clientCapabilities": {"extensions": dict() as extensions}}}
        }:
            return TASKS in extensions
        case _:
            return False


def legacy(exchange: Exchange, message: object, names: Container[str]) -> PlainCall | None:
    """The plain call that a request of an older revision is, or None."""
    headers = exchange.headers
    if exchange.repeated or not _is_json(headers):
        return None
    if not accepts(headers.get(b"accept")).json:
        return None
    call = _call(message, names)
    if call is None:
        return None
    params = message["params"]  # type: ignore[index]  # _call looked
    if "task" in params:
        return None
    meta = params.get("_meta")
    return call if meta is None or (isinstance(meta, dict) and "progressToken" not in meta) else None


def decoded_header(value: bytes | None) -> str | None:
    """A header's text: blanks at its ends taken off, ``=?base64?...?=`` decoded. None where it cannot be."""
    if value is None:
        return None
    value = value.strip()
    try:
        if value.startswith(_BASE64_START) and value.endswith(_BASE64_END):
            return base64.b64decode(value[len(_BASE64_START) : -len(_BASE64_END)], validate=True).decode()
        return value.decode("ascii")
    except (binascii.Error, UnicodeDecodeError):
        return None


def _call(message: object, names: Container[str]) -> PlainCall | None:
    if not isinstance(message, dict) or message.get("jsonrpc") != "2.0" or message.get("method") != "tools/call":
        return None
    request_id = message.get("id")
    params = message.get("params")
    if not is_request_id(request_id) or not isinstance(params, dict):
        return None
    name = params.get("name")
    arguments = params.get("arguments", {})
    if not isinstance(name, str) or name not in names or not isinstance(arguments, dict):
        return None
    return PlainCall(request_id, name, arguments)  # type: ignore[arg-type]  # is_request_id looked


def _is_json(headers: dict[bytes, bytes]) -> bool:
    return headers.get(b"content-type", b"")[:16].lower() == b"application/json"


def _is_plain_envelope(meta: object) -> bool:
    """Whether the envelope is complete, of the header's revision, and asks for nothing besides the answer."""
    if not isinstance(meta, dict) or meta.get(_VERSION_KEY) != MODERN or "progressToken" in meta:
        return False
    known = 1
    capabilities = meta.get(_CAPABILITIES_KEY)
    if not isinstance(capabilities, dict) or not all(map(_is_plain_capability, capabilities.values())):
        return False
    known += 1
    if _CLIENT_KEY in meta:
        known += 1
        client = meta[_CLIENT_KEY]
        if not isinstance(client, dict) or not isinstance(client.get("name"), str):
            return False
        if not isinstance(client.get("version"), str) or not all(isinstance(text, str) for text in client.values()):
            return False
    return len(meta) == known or sum(key.startswith(_RESERVED) for key in meta) == known


def _is_plain_capability(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(inner, dict | bool) for inner in value.values())
