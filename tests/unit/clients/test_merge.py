"""Entries put into files as people have them."""

from __future__ import annotations

import json
import tomllib
from dataclasses import replace
from typing import Any

import pytest

from homeport.clients.catalogue import CATALOGUE
from homeport.clients.merge import BrokenFileError, merged, read_entry
from homeport.clients.target import Target, Transport
from homeport.errors import GuardError, UsageError
from homeport.secret import Secret
from tests.unit.clients.targets import GUARDED, OPEN, TOKEN, holding

CLAUDE_CODE = """\
{
  "mcpServers": {
    "github": {
      "type": "http",
      "url": "https://api.githubcopilot.com/mcp/",
      "headers": {"Authorization": "Bearer ${GITHUB_TOKEN}"}
    },
    "files": {"command": "npx", "args": ["-y", "@modelcontextprotocol/server-filesystem", "."], "env": {}}
  }
}
"""
CLAUDE_DESKTOP = """\
{"globalShortcut": "Ctrl+Space", "mcpServers": {"notes": {"command": "node", "args": ["/opt/notes/index.js"]}},
 "preferences": {"menuBarEnabled": false}}
"""
CURSOR = """\
{
    // shared with the team
    "mcpServers": {
        "linear": { "url": "https://mcp.linear.app/mcp" }, /* signed in by hand */
    }
}
"""
VSCODE = """\
{
\t"inputs": [
\t\t// asked for once
\t\t{ "type": "promptString", "id": "perplexity-key", "description": "Perplexity", "password": true }
\t],
\t"servers": {
\t\t"playwright": { "command": "npx", "args": ["@playwright/mcp@latest"] },
\t},
}
"""
CODEX = """\
# mine
model = "gpt-6"   # the large one
approval_policy = "on-request"

[projects."/home/ada/team"]
trust_level = "trusted"

[mcp_servers.docs]
url = "https://developers.openai.com/mcp"

[mcp_servers.files]
command = "npx"
args = ["-y", "server"]
[mcp_servers.files.env]
KEY = "value"

[tui]
theme = "dark"
"""
GEMINI = """\
{
  "security": {"auth": {"selectedType": "oauth-personal"}},
  // tools of the team
  "mcpServers": {
    "context7": {"httpUrl": "https://mcp.context7.com/mcp"}
  },
  "ui": {"theme": "Default"}
}
"""
FILES = {
    "claude-code": CLAUDE_CODE,
    "claude-desktop": CLAUDE_DESKTOP,
    "cursor": CURSOR,
    "vscode": VSCODE,
    "codex": CODEX,
    "gemini": GEMINI,
}
CASES = [(key, transport) for key in FILES for transport in CATALOGUE[key].transports if key != "claude-desktop"]
CASES.append(("claude-desktop", "stdio"))


def merge(key: str, target: Target, transport: Transport, text: str, **more: Any) -> Any:
    return merged(CATALOGUE[key], target, transport, text, "the-file", **more)


def entry_of(key: str, text: str, name: str) -> dict[str, Any] | None:
    return read_entry(CATALOGUE[key], text, name, "the-file")


@pytest.mark.parametrize(("key", "transport"), CASES)
@pytest.mark.parametrize("target", [OPEN, GUARDED], ids=["open", "guarded"])
def test_a_file_keeps_all_that_it_had(key: str, transport: Transport, target: Target) -> None:
    old = FILES[key]
    change = merge(key, target, transport, old)
    assert change.state == "added"
    assert entry_of(key, change.text, target.name) == CATALOGUE[key].entry(target, transport)  # type: ignore[misc]
    # Every line stands there still, some with a comma that was not there before, or opened for what comes.
    rest = change.text.replace(",", "").replace("\n", "").replace(" ", "")
    for line in old.splitlines():
        for piece in line.replace(",", "").replace(" ", "").split("}"):
            assert piece.rstrip("]") in rest, line
    again = merge(key, target, transport, change.text)
    assert (again.state, again.text) == ("unchanged", change.text)


@pytest.mark.parametrize(("key", "transport"), CASES)
def test_a_file_that_is_not_there_is_made(key: str, transport: Transport) -> None:
    change = merge(key, OPEN, transport, "")
    assert entry_of(key, change.text, OPEN.name) == CATALOGUE[key].entry(OPEN, transport)  # type: ignore[misc]
    assert change.text.endswith("\n")


@pytest.mark.parametrize("key", FILES)
def test_an_entry_that_leads_elsewhere_is_reported_and_not_replaced(key: str) -> None:
    client = CATALOGUE[key]
    transport = client.transports[0]
    other = replace(
        OPEN, http_url="http://127.0.0.1:9/mcp", bridge=("/bin/homeport", "stdio", "development", "--url", "http://a")
    )
    text = merge(key, other, transport, FILES[key]).text
    with pytest.raises(GuardError, match=r"leads elsewhere: .*(127.0.0.1:9/mcp|http://a)"):
        merge(key, OPEN, transport, text)
    replaced = merge(key, OPEN, transport, text, replace=True)
    assert replaced.state == "replaced"
    assert entry_of(key, replaced.text, OPEN.name) == client.entry(OPEN, transport)  # type: ignore[misc]


def test_what_a_person_added_to_the_entry_stays() -> None:
    mine = {"type": "http", "url": OPEN.http_url, "alwaysLoad": True, "headers": {"X-Team": "a"}}
    text = json.dumps({"mcpServers": {OPEN.name: mine}})
    change = merge("claude-code", holding(OPEN), "http", text)
    assert change.state == "updated"
    entry = entry_of("claude-code", change.text, OPEN.name)
    bearer = "Bearer ${HOMEPORT_TOKEN}"
    assert entry == {**mine, "headers": {"X-Team": "a", "Authorization": bearer}}


@pytest.mark.parametrize(("key", "transport"), CASES)
def test_writing_again_without_the_token_leaves_it_where_it_is(key: str, transport: Transport) -> None:
    for target in (
        holding(GUARDED, write=True),
        replace(holding(GUARDED), bridge=(*GUARDED.bridge, "--token-file", "/home/ada/token")),
    ):
        first = merge(key, target, transport, FILES[key])
        again = merge(key, GUARDED, transport, first.text)
        assert (again.state, again.text) == ("unchanged", first.text)


def test_a_new_token_takes_the_place_of_the_old_one() -> None:
    for key, transport in CASES:
        first = merge(key, holding(GUARDED, write=True), transport, FILES[key])
        newer = replace(holding(GUARDED, write=True), token=Secret("hpt_production_newer"))
        second = merge(key, newer, transport, first.text)
        assert TOKEN not in second.text
        assert "hpt_production_newer" in second.text


def test_codex_keeps_comments_and_its_other_tables() -> None:
    change = merge("codex", GUARDED, "http", CODEX)
    assert "# mine" in change.text
    assert "# the large one" in change.text
    old, new = tomllib.loads(CODEX), tomllib.loads(change.text)
    ours = new["mcp_servers"].pop("homeport")
    assert new == old
    assert ours == {"url": GUARDED.http_url, "bearer_token_env_var": "HOMEPORT_TOKEN"}
    assert (
        merge("codex", GUARDED, "http", change.text.replace("homeport]", "homeport]\nenabled = true")).state
        == "unchanged"
    )


@pytest.mark.parametrize(
    "text", ['mcp_servers = {docs = {url = "u"}}\n', "[mcp_servers]\n", 'mcp_servers.docs.url = "u"\n']
)
def test_codex_may_write_its_tables_in_any_way(text: str) -> None:
    change = merge("codex", OPEN, "http", text)
    meant = tomllib.loads(text)["mcp_servers"]
    assert tomllib.loads(change.text)["mcp_servers"] == {**meant, OPEN.name: {"url": OPEN.http_url}}


def test_vs_code_asks_for_the_token_once() -> None:
    change = merge("vscode", GUARDED, "http", VSCODE)
    assert change.text.count('"homeport-token"') == 1
    assert "// asked for once" in change.text
    assert merge("vscode", GUARDED, "http", change.text).text == change.text


def test_a_token_is_written_only_where_that_was_asked_for() -> None:
    for key, transport in CASES:
        given = merge(key, holding(GUARDED), transport, FILES[key])
        written = key == "claude-desktop"
        assert (TOKEN in given.text) is written
        assert bool(given.secrets) is written
        asked = merge(key, holding(GUARDED, write=True), transport, FILES[key])
        assert TOKEN in asked.text, key
        assert asked.secrets
        assert TOKEN not in str(asked)


def test_with_a_token_file_the_bridge_reads_it_and_the_entry_has_none() -> None:
    target = replace(holding(GUARDED), bridge=(*GUARDED.bridge, "--token-file", "/home/ada/token"))
    for key, transport in CASES:
        if transport == "stdio":
            change = merge(key, target, transport, FILES[key])
            assert TOKEN not in change.text
            assert "/home/ada/token" in change.text
            assert not change.secrets


@pytest.mark.parametrize(
    ("key", "text", "line"),
    [
        ("claude-code", CLAUDE_CODE.replace('"args"', "args"), 8),
        ("claude-desktop", CLAUDE_DESKTOP + "}", 3),
        ("claude-desktop", "// mine\n" + CLAUDE_DESKTOP, 1),
        ("cursor", CURSOR.replace('"linear":', '"linear"'), 4),
        ("vscode", VSCODE.removesuffix("}\n"), 9),
        ("codex", CODEX.replace('"trusted"', "trusted"), 6),
        ("gemini", GEMINI.replace('"oauth-personal"', "oauth"), 2),
        ("gemini", "[]", 1),
        ("cursor", '{"mcpServers": []}', 1),
        ("codex", "mcp_servers = 1", 1),
    ],
)
def test_a_broken_file_is_refused_with_its_line(key: str, text: str, line: int) -> None:
    with pytest.raises(BrokenFileError, match=rf"the-file, line {line}: ") as caught:
        merge(key, OPEN, CATALOGUE[key].transports[0], text)
    assert "left as it is" in caught.value.sentence


@pytest.mark.parametrize("key", ["claude-ai", "chatgpt", "http"])
def test_clients_without_a_file_say_so(key: str) -> None:
    with pytest.raises(UsageError, match="in no file"):
        merge(key, GUARDED, "http", "")
