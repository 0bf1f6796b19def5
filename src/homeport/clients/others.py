"""Gemini CLI, and plain HTTP."""

from __future__ import annotations

import json

from homeport.clients.client import Client, ClientFile, Entry, headers, program, url_of
from homeport.clients.target import TOKEN_VARIABLE, Target, Transport

_GEMINI = f"${TOKEN_VARIABLE}"
_URL_KEYS = {"http": "httpUrl", "sse": "url"}


def _gemini_entry(target: Target, transport: Transport) -> Entry:
    if transport == "stdio":
        # Gemini hands no variable on that sounds like a secret, unless the entry names it.
        return program(target, _GEMINI)
    return {_URL_KEYS[transport]: url_of(target, transport), **headers(target, _GEMINI)}


def _gemini_command(target: Target, transport: Transport) -> list[str]:
    add = ["gemini", "mcp", "add", "--scope", "user", "--transport", transport]
    if transport == "stdio":
        url_of(target, "http")
        variable = ["-e", f"{TOKEN_VARIABLE}={_GEMINI}"] if "env" in program(target, _GEMINI) else []
        return [*add, *variable, target.name, target.bridge[0], "--", *target.bridge[1:]]
    header = ["--header", f"Authorization: Bearer {_GEMINI}"] if target.needs_token else []
    return [*add, *header, target.name, url_of(target, transport)]


def _curl(target: Target, transport: Transport) -> list[str]:
    url = url_of(target, transport)
    # curl expands no variables of its own: the shell puts the token in, and so it is seen in the list of processes.
    # A header that is read from stdin is not.
    token = ["-H", "@-"] if target.needs_token else []
    if transport == "sse":
        return ["curl", "-N", *token, "-H", "Accept: text/event-stream", url]
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "get_server_status", "arguments": {}}}
    return ["curl", "-sS", *token, "-H", "Content-Type: application/json", "-d", json.dumps(call), url]


CLIENTS = (
    Client(
        key="gemini",
        title="Gemini CLI",
        transports=("http", "sse", "stdio"),
        file=ClientFile(
            path=lambda places: places.home / ".gemini" / "settings.json", format="jsonc", table="mcpServers"
        ),
        variable=_GEMINI,
        entry=_gemini_entry,
        command=_gemini_command,
        after="Start Gemini CLI again; /mcp shows the server.",
    ),
    Client(
        key="http",
        title="plain HTTP",
        transports=("http", "sse"),
        instead="Plain HTTP is what stdio is a bridge to: --transport http.",
        revision="none",
        variable=f"${TOKEN_VARIABLE}",
        command=_curl,
    ),
)
