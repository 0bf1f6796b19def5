"""What is told of each client, word for word."""

from __future__ import annotations

import shlex
from dataclasses import replace

import pytest

from homeport.cli.arguments.clients import CLIENTS
from homeport.clients.catalogue import CATALOGUE
from homeport.clients.target import Transport, checked_entry_name, endpoint_url, entry_name
from homeport.clients.texts import command_line, diff, in_short, recipe
from homeport.errors import UsageError
from homeport.secret import Secret
from tests.unit.clients.targets import GUARDED, OPEN, PLACES, TOKEN, holding

REFERENCE = "Authorization: Bearer ${HOMEPORT_TOKEN}"
BRIDGE = "/opt/homeport/bin/homeport stdio production --url https://coordination.example.org/mcp"
COMMANDS: list[tuple[str, Transport, str]] = [
    (
        "claude-code",
        "http",
        f"claude mcp add --transport http homeport https://coordination.example.org/mcp --header '{REFERENCE}'",
    ),
    (
        "claude-code",
        "sse",
        f"claude mcp add --transport sse homeport https://coordination.example.org/sse --header '{REFERENCE}'",
    ),
    ("claude-code", "stdio", f"claude mcp add --transport stdio homeport -- {BRIDGE}"),
    (
        "codex",
        "http",
        "codex mcp add homeport --url https://coordination.example.org/mcp --bearer-token-env-var HOMEPORT_TOKEN",
    ),
    ("codex", "stdio", f"codex mcp add homeport -- {BRIDGE}"),
    (
        "gemini",
        "http",
        (
            "gemini mcp add --scope user --transport http --header 'Authorization: Bearer $HOMEPORT_TOKEN' homeport "
            "https://coordination.example.org/mcp"
        ),
    ),
]
BEARER = {"Authorization": "Bearer ${HOMEPORT_TOKEN}"}
ENTRIES: list[tuple[str, Transport, dict[str, object]]] = [
    ("claude-code", "http", {"type": "http", "url": GUARDED.http_url, "headers": BEARER}),
    ("claude-code", "sse", {"type": "sse", "url": GUARDED.sse_url, "headers": BEARER}),
    ("cursor", "http", {"url": GUARDED.http_url, "headers": {"Authorization": "Bearer ${env:HOMEPORT_TOKEN}"}}),
    (
        "vscode",
        "http",
        {"type": "http", "url": GUARDED.http_url, "headers": {"Authorization": "Bearer ${input:homeport-token}"}},
    ),
    ("codex", "http", {"url": GUARDED.http_url, "bearer_token_env_var": "HOMEPORT_TOKEN"}),
    ("gemini", "http", {"httpUrl": GUARDED.http_url, "headers": {"Authorization": "Bearer $HOMEPORT_TOKEN"}}),
    ("gemini", "sse", {"url": GUARDED.sse_url, "headers": {"Authorization": "Bearer $HOMEPORT_TOKEN"}}),
    (
        "claude-desktop",
        "stdio",
        {
            "command": "/opt/homeport/bin/homeport",
            "args": ["stdio", "production", "--url", GUARDED.http_url],
            "env": {"HOMEPORT_TOKEN": "PASTE-THE-TOKEN-HERE"},
        },
    ),
]


@pytest.mark.parametrize(("key", "transport", "line"), COMMANDS)
def test_the_command_of_a_client_is_todays(key: str, transport: Transport, line: str) -> None:
    assert command_line(CATALOGUE[key], GUARDED, transport) == line


@pytest.mark.parametrize(("key", "transport", "entry"), ENTRIES)
def test_the_entry_of_a_client_is_todays(key: str, transport: Transport, entry: dict[str, object]) -> None:
    make = CATALOGUE[key].entry
    assert make is not None
    assert make(GUARDED, transport) == entry


@pytest.mark.parametrize("key", [key for key, client in CATALOGUE.items() if client.command is not None])
def test_where_no_token_is_asked_for_none_is_spoken_of(key: str) -> None:
    for transport in CATALOGUE[key].transports:
        assert "oken" not in "\n".join(recipe(CATALOGUE[key], OPEN, transport, PLACES)).replace("for the token", "")


def test_no_command_ever_has_the_token_in_it() -> None:
    for client in CATALOGUE.values():
        for transport in client.transports:
            line = command_line(client, holding(GUARDED, write=True), transport)
            assert TOKEN not in (line or "")
            assert line is None or shlex.split(line)


def test_every_client_is_told_of_in_every_transport_it_has() -> None:
    for client in CATALOGUE.values():
        for transport in client.transports:
            text = "\n".join(recipe(client, GUARDED, transport, PLACES))
            assert client.title in text
            where = "agents" if client.maker and transport == "http" else "coordination"
            assert f"https://{where}.example.org" in text
            assert "homeport" in text


def test_the_command_line_offers_the_clients_that_there_are() -> None:
    assert set(CLIENTS) == set(CATALOGUE)


def test_codex_is_told_what_to_take_instead_of_sse() -> None:
    with pytest.raises(UsageError, match=r"Codex has no HTTP\+SSE") as caught:
        CATALOGUE["codex"].transport("sse")
    assert "--transport http" in caught.value.hint


@pytest.mark.parametrize("key", ["claude-ai", "chatgpt"])
@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:3446/mcp",
        "http://coordination.example.org/mcp",
        "https://coordination/mcp",
        "https://192.168.1.4/mcp",
        "https://host.internal/mcp",
        "https://[::1]/mcp",
    ],
)
def test_a_client_that_calls_from_elsewhere_needs_public_https(key: str, url: str) -> None:
    with pytest.raises(UsageError, match="needs a public HTTPS address") as caught:
        recipe(CATALOGUE[key], replace(GUARDED, http_url=url, oauth_url=None), "http", PLACES)
    assert "set oauth_host of production" in caught.value.hint
    assert "docs/oauth.md" in caught.value.hint
    assert "needs a public HTTPS" in in_short(CATALOGUE[key], replace(OPEN, http_url=url), PLACES)[2]


@pytest.mark.parametrize("key", ["claude-ai", "chatgpt", "claude-desktop"])
def test_a_client_that_signs_in_is_led_to_the_host_that_has_oauth(key: str) -> None:
    at_home = replace(GUARDED, http_url="http://127.0.0.1:3444/mcp")
    lines = recipe(CATALOGUE[key], at_home, "http", PLACES)
    assert "(https://agents.example.org/mcp)" in lines[0]
    assert "URL https://agents.example.org/mcp" in "\n".join(lines)
    assert "4. On the page that opens, show a token (homeport token create production" in "\n".join(lines)
    assert "127.0.0.1" not in "\n".join(lines)


def test_a_server_that_is_declared_elsewhere_is_believed_to_have_oauth() -> None:
    lines = recipe(CATALOGUE["claude-ai"], replace(GUARDED, oauth_url=None), "http", PLACES)
    assert "(https://coordination.example.org/mcp)" in lines[0]
    assert "which the environment must offer at that address" in lines[-1]


def test_an_environment_without_a_transport_says_which_it_has() -> None:
    with pytest.raises(UsageError, match="does not offer sse") as caught:
        recipe(CATALOGUE["claude-code"], replace(OPEN, sse_url=None), "sse", PLACES)
    assert "--transport http" in caught.value.hint


def test_only_production_is_called_homeport() -> None:
    assert entry_name("production") == "homeport"
    assert entry_name("development") == "homeport-development"
    assert checked_entry_name("team", "development") == "team"
    for name in ("homeport", "prod-coordination", "Production", "-x", "a b", ""):
        with pytest.raises(UsageError):
            checked_entry_name(name, "development")
    assert checked_entry_name("prod-coordination", "production") == "prod-coordination"


def test_an_address_without_a_path_gets_the_servers() -> None:
    assert endpoint_url("http://host:3446", "http") == "http://host:3446/mcp"
    assert endpoint_url("https://host/", "sse") == "https://host/sse"
    assert endpoint_url("https://host/mcp/dev", "http") == "https://host/mcp/dev"
    for url in ("host:3446", "ftp://host/", "https://", "https://ada:secret@host/mcp"):
        with pytest.raises(UsageError) as caught:
            endpoint_url(url, "http")
        assert "secret@" not in str(caught.value)


def test_a_diff_shows_no_token() -> None:
    old = '{"a": {"headers": {"Authorization": "Bearer of-somebody-else"}}}'
    shown = "\n".join(diff(old, f'{{"env": "{TOKEN}", "h": "Bearer ${{X}}"}}', "f", [Secret(f"Bearer {TOKEN}")]))
    assert TOKEN not in shown
    assert "of-somebody-else" not in shown
    assert "Bearer ${X}" in shown
