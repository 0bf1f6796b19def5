"""Faults of connecting a client, each as a test of its own."""

from __future__ import annotations

import shlex

import pytest

from homeport.clients.catalogue import CATALOGUE
from homeport.clients.target import Target, Transport, checked_entry_name, entry_name
from homeport.clients.texts import command_line
from homeport.errors import UsageError

PROPOSED = "claude mcp add dev-coordination --transport http --url $MCP_SERVER_URL"
TARGET = Target(
    environment="development",
    name="homeport-development",
    http_url="http://127.0.0.1:3446/mcp",
    sse_url="http://127.0.0.1:3447/sse",
    bridge=("/opt/homeport/bin/homeport", "stdio", "development"),
    needs_token=True,
)
# What `claude mcp add --help` knows; --header and --env take all that follows them.
OPTIONS = {"--transport", "--scope", "--env", "--header", "--client-id", "--client-secret", "--callback-port"}


def options_of(line: str) -> list[str]:
    words = shlex.split(line)
    return [word for word in words[: words.index("--") if "--" in words else None] if word[:2] == "--"]


@pytest.mark.parametrize("transport", ["http", "sse", "stdio"])
def test_the_proposals_example_of_connecting_is_not_the_syntax_of_today(transport: Transport) -> None:
    """Its --url is an option of no version of the program: the address stands after the name."""
    assert set(options_of(PROPOSED)) - OPTIONS == {"--url"}
    line = command_line(CATALOGUE["claude-code"], TARGET, transport)
    assert line is not None
    assert set(options_of(line)) <= OPTIONS
    words = shlex.split(line)
    assert words[:6] == ["claude", "mcp", "add", "--transport", transport, "homeport-development"]
    assert words[6] == {"http": TARGET.http_url, "sse": TARGET.sse_url, "stdio": "--"}[transport]
    assert "--header" not in words[:6]


def test_a_connection_to_development_could_be_taken_for_production() -> None:
    """The proposal lets everybody choose two names; one typed wrongly sends development's messages to production."""
    assert entry_name("development") != entry_name("production")
    with pytest.raises(UsageError, match="would pass for production"):
        checked_entry_name("prod-coordination", "development")
