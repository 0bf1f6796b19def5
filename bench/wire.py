"""Requests as bytes, and responses as far as a load generator must understand them."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from typing import Any, Final, Literal

MODERN: Final = "2026-07-28"
LEGACY: Final = "2025-11-25"
_META: Final = "io.modelcontextprotocol/"

Era = Literal["modern", "legacy", "unversioned"]


def tool_call(era: Era, tool: str, arguments: Mapping[str, Any], *, token: str | None = None) -> bytes:
    """A whole HTTP request that calls a tool on ``/mcp``.

    Args:
        era: ``modern`` is revision 2026-07-28, ``legacy`` 2025-11-25 without a session, and ``unversioned`` what
            clients of the earlier server post, without ``initialize`` and without any version.
        tool: its name.
        arguments: its arguments.
        token: for the Authorization header.
    """
    params: dict[str, Any] = {"name": tool, "arguments": dict(arguments)}
    headers = {
        "Host": "127.0.0.1:3444",  # any port will do, none will not: the SDK's check asks for one
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
    }
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    if era == "modern":
        headers |= {"MCP-Protocol-Version": MODERN, "Mcp-Method": "tools/call", "Mcp-Name": tool}
        params["_meta"] = {
            f"{_META}protocolVersion": MODERN,
            f"{_META}clientInfo": {"name": "bench", "version": "1"},
            f"{_META}clientCapabilities": {},
        }
    elif era == "legacy":
        headers["MCP-Protocol-Version"] = LEGACY
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    body = json.dumps(message, separators=(",", ":")).encode()
    headers["Content-Length"] = str(len(body))
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST /mcp HTTP/1.1\r\n{head}\r\n".encode() + body


def is_whole(data: bytes | bytearray) -> bool:
    """Whether a response has arrived to its end."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return False
    head = bytes(data[:end]).lower()
    at = head.find(b"content-length:")
    if at < 0:
        return data.endswith(b"\r\n0\r\n\r\n") if b"chunked" in head else True
    line = head[at + 15 :].split(b"\r\n", 1)[0]
    return len(data) >= end + 4 + int(line)


def is_right(data: bytes | bytearray, marker: bytes) -> bool:
    """Whether a response is the answer that was asked for, and no kind of error."""
    return (
        data.startswith(b"HTTP/1.1 200")
        and marker in data
        and b'"isError":true' not in data
        and b'"error":{' not in data
    )


def exchange(port: int, request: bytes, *, timeout: float = 10.0) -> bytes:
    """The response to one request, on a connection of its own.

    Raises:
        OSError: nobody listens, or the connection broke.
    """
    data = bytearray()
    with socket.create_connection(("127.0.0.1", port), timeout=timeout) as connection:
        connection.sendall(request)
        while not is_whole(data):
            part = connection.recv(1 << 16)
            if not part:
                raise ConnectionError("the server closed the connection before its response was whole")
            data += part
    return bytes(data)


def content(response: bytes) -> Any:  # noqa: ANN401 - JSON
    """What a tool answered: the structured content, or the JSON in its text.

    Raises:
        ValueError: it is not the answer of a tool.
    """
    result = json.loads(response[response.index(b"\r\n\r\n") + 4 :]).get("result")
    if result is None:
        raise ValueError(response[:600].decode("latin-1"))
    if "structuredContent" in result:
        return result["structuredContent"]
    return json.loads(result["content"][0]["text"])
