"""Claude Code, Claude Desktop and Claude.ai."""

from __future__ import annotations

from pathlib import PurePosixPath

from homeport.clients.client import Client, ClientFile, Entry, Places, bearer, headers, program, url_of
from homeport.clients.public import public_url, signing_in
from homeport.clients.target import TOKEN_VARIABLE, Target, Transport

_VARIABLE = f"${{{TOKEN_VARIABLE}}}"


def _code_entry(target: Target, transport: Transport) -> Entry:
    if transport == "stdio":
        return {"type": "stdio", **program(target, _VARIABLE)}
    return {"type": transport, "url": url_of(target, transport), **headers(target, _VARIABLE)}


def _code_command(target: Target, transport: Transport) -> list[str]:
    # The name and the address come before --header, which takes all that follows it.
    add = ["claude", "mcp", "add", "--transport", transport, target.name]
    if transport == "stdio":
        url_of(target, "http")
        return [*add, "--", *target.bridge]
    command = [*add, url_of(target, transport)]
    # Always the reference: a token in a command is seen by every user of the machine, and stays in the shell's history.
    return [*command, "--header", f"Authorization: Bearer {_VARIABLE}"] if target.needs_token else command


def _desktop_entry(target: Target, transport: Transport) -> Entry:
    del transport
    return program(target, "")


def _desktop_file(places: Places) -> PurePosixPath:
    base = "Library/Application Support/Claude" if places.platform == "darwin" else ".config/Claude"
    return places.home / base / "claude_desktop_config.json"


def _desktop_steps(target: Target, transport: Transport) -> list[str]:
    if transport == "http":
        return _connector(target, "Claude Desktop")
    steps = ["Open Settings > Developer > Edit Config, and put the entry into that file."]
    if bearer(target, "") is not None and target.token is None and "--token-file" not in target.bridge:
        steps.append(
            "Paste the token where the entry says so: Claude Desktop expands no variables. Or keep it out of that file "
            "with --token-file FILE, and the bridge reads it from there."
        )
    return steps


def _ai_steps(target: Target, transport: Transport) -> list[str]:
    del transport
    return _connector(target, "Claude.ai")


def _connector(target: Target, title: str) -> list[str]:
    url = public_url(target, title, "Anthropic")
    return [
        "Open Settings > Connectors (in an organisation its owner does it first, in Organization settings).",
        f"Add custom connector: name {target.name}, URL {url}.",
        "Connect.",
        *signing_in(target, "Connectors"),
    ]


CLIENTS = (
    Client(
        key="claude-code",
        title="Claude Code",
        transports=("http", "sse", "stdio"),
        revision="auto",
        file=ClientFile(path=lambda places: places.here / ".mcp.json", format="json", table="mcpServers", shared=True),
        variable=_VARIABLE,
        entry=_code_entry,
        command=_code_command,
        after="Start Claude Code in that directory and allow the server; /mcp shows it.",
    ),
    Client(
        key="claude-desktop",
        title="Claude Desktop",
        maker="Anthropic",
        transports=("stdio", "http"),
        instead="Leave --transport away: its entry starts homeport stdio, which speaks HTTP with the server.",
        file=ClientFile(path=_desktop_file, format="json", table="mcpServers"),
        entry=_desktop_entry,
        steps=_desktop_steps,
        after="Quit Claude Desktop and start it again: closing its window is not enough.",
    ),
    Client(
        key="claude-ai",
        title="Claude.ai",
        maker="Anthropic",
        transports=("http",),
        instead="It connects over public HTTPS alone: --transport http.",
        steps=_ai_steps,
    ),
)
