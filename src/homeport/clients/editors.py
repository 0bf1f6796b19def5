"""Cursor and VS Code."""

from __future__ import annotations

import json

from homeport.clients.client import Client, ClientFile, Entry, headers, program, url_of
from homeport.clients.target import TOKEN_VARIABLE, Target, Transport

_CURSOR = f"${{env:{TOKEN_VARIABLE}}}"


def _cursor_entry(target: Target, transport: Transport) -> Entry:
    if transport == "stdio":
        return {"type": "stdio", **program(target, _CURSOR)}
    # Cursor finds out by itself which of the two an address speaks.
    return {"url": url_of(target, transport), **headers(target, _CURSOR)}


def _input_id(target: Target) -> str:
    return f"{target.name}-token"


def _code_entry(target: Target, transport: Transport) -> Entry:
    variable = f"${{input:{_input_id(target)}}}"
    if transport == "stdio":
        return {"type": "stdio", **program(target, variable)}
    return {"type": transport, "url": url_of(target, transport), **headers(target, variable)}


def _code_inputs(target: Target) -> Entry | None:
    if not target.needs_token or target.write_token:
        return None
    return {
        "type": "promptString",
        "id": _input_id(target),
        "description": f"Token for Homeport {target.environment}",
        "password": True,
    }


def _code_command(target: Target, transport: Transport) -> list[str] | None:
    entry = json.dumps({"name": target.name, **_code_entry(target, transport)}, ensure_ascii=False)
    # The command takes no question, and a token has no place in it.
    return None if "${input:" in entry or target.write_token else ["code", "--add-mcp", entry]


CLIENTS = (
    Client(
        key="cursor",
        title="Cursor",
        transports=("http", "sse", "stdio"),
        file=ClientFile(
            path=lambda places: places.here / ".cursor" / "mcp.json", format="jsonc", table="mcpServers", shared=True
        ),
        variable=_CURSOR,
        entry=_cursor_entry,
        after="Restart Cursor, and switch the server on in Customize > MCPs.",
    ),
    Client(
        key="vscode",
        title="VS Code",
        transports=("http", "sse", "stdio"),
        file=ClientFile(
            path=lambda places: places.here / ".vscode" / "mcp.json", format="jsonc", table="servers", shared=True
        ),
        variable="${input:…}",
        entry=_code_entry,
        inputs=_code_inputs,
        command=_code_command,
        after="MCP: List Servers starts it; VS Code asks for the token then, and keeps it safe.",
    ),
)
