"""What each client makes of its own entry."""

from __future__ import annotations

from typing import Any

import pytest

from homeport.clients.catalogue import CATALOGUE
from homeport.clients.reading import connection_of
from homeport.clients.target import Transport
from tests.unit.clients.targets import GUARDED, TOKEN, holding

SET = {"HOMEPORT_TOKEN": TOKEN}
CASES = [
    (key, transport)
    for key, client in CATALOGUE.items()
    if client.entry is not None
    for transport in client.transports
    if (key, transport) != ("claude-desktop", "http")
]


@pytest.mark.parametrize(("key", "transport"), CASES)
def test_what_we_write_leads_to_the_server_with_the_token(key: str, transport: Transport) -> None:
    client = CATALOGUE[key]
    assert client.entry is not None
    connection = connection_of(client, client.entry(holding(GUARDED), transport), SET)
    assert connection.transport == transport
    assert connection.missing == ()
    if transport == "stdio":
        assert connection.command == GUARDED.bridge
        assert connection.variables["HOMEPORT_TOKEN"].reveal() == TOKEN
    else:
        assert connection.url == (GUARDED.sse_url if transport == "sse" else GUARDED.http_url)
        assert connection.headers["Authorization"].reveal() == f"Bearer {TOKEN}"


@pytest.mark.parametrize(("key", "transport"), CASES)
def test_a_variable_that_is_not_set_is_named(key: str, transport: Transport) -> None:
    client = CATALOGUE[key]
    assert client.entry is not None
    missing = connection_of(client, client.entry(GUARDED, transport), {}).missing
    assert missing == (("PASTE-THE-TOKEN-HERE",) if key == "claude-desktop" else ("HOMEPORT_TOKEN",))


@pytest.mark.parametrize(
    ("key", "entry", "url", "transport"),
    [
        ("claude-code", {"type": "http", "url": "${BASE:-http://h}/mcp"}, "http://h/mcp", "http"),
        ("claude-code", {"type": "sse", "url": "http://h/any"}, "http://h/any", "sse"),
        ("cursor", {"url": "${env:BASE}/sse"}, "http://b/sse", "sse"),
        ("gemini", {"url": "$BASE/sse"}, "http://b/sse", "sse"),
        ("gemini", {"url": "${BASE}/mcp", "type": "http"}, "http://b/mcp", "http"),
        ("gemini", {"httpUrl": "http://h/mcp"}, "http://h/mcp", "http"),
        ("vscode", {"type": "http", "url": "${env:BASE}/mcp"}, "http://b/mcp", "http"),
        ("codex", {"url": "${BASE}/mcp"}, "${BASE}/mcp", "http"),
    ],
)
def test_references_are_expanded_as_the_client_does(key: str, entry: dict[str, Any], url: str, transport: str) -> None:
    variables = {} if "${BASE:-" in entry.get("url", "") else {"BASE": "http://b"}
    connection = connection_of(CATALOGUE[key], entry, variables)
    assert (connection.url, connection.transport) == (url, transport)


def test_codex_takes_headers_from_variables_and_literally() -> None:
    entry = {"url": "u", "http_headers": {"A": "b"}, "env_http_headers": {"C": "D"}}
    connection = connection_of(CATALOGUE["codex"], entry, {"D": "e"})
    assert {name: value.reveal() for name, value in connection.headers.items()} == {"A": "b", "C": "e"}


def test_no_secret_is_in_what_is_printed_of_a_connection() -> None:
    client = CATALOGUE["claude-code"]
    assert client.entry is not None
    for transport in client.transports:
        assert TOKEN not in repr(connection_of(client, client.entry(GUARDED, transport), SET))
