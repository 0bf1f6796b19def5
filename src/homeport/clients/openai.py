"""ChatGPT and Codex."""

from __future__ import annotations

from homeport.clients.client import Client, ClientFile, Entry, program, url_of
from homeport.clients.public import public_url, signing_in
from homeport.clients.target import TOKEN_VARIABLE, Target, Transport


def _codex_entry(target: Target, transport: Transport) -> Entry:
    if transport == "stdio":
        entry = program(target, TOKEN_VARIABLE)
        # Codex starts programs with few variables; it hands on those that are named.
        env = entry.pop("env", None)
        if env is None:
            return entry
        return {**entry, "env": env} if target.write_token else {**entry, "env_vars": [TOKEN_VARIABLE]}
    entry = {"url": url_of(target, transport)}
    if not target.needs_token:
        return entry
    if target.write_token and target.token is not None:
        # Codex refuses a token under a name of its own, but takes any header.
        return {**entry, "http_headers": {"Authorization": f"Bearer {target.token.reveal()}"}}
    return {**entry, "bearer_token_env_var": TOKEN_VARIABLE}


def _codex_command(target: Target, transport: Transport) -> list[str]:
    add = ["codex", "mcp", "add", target.name]
    if transport == "stdio":
        url_of(target, "http")
        return [*add, "--", *target.bridge]
    command = [*add, "--url", url_of(target, transport)]
    return [*command, "--bearer-token-env-var", TOKEN_VARIABLE] if target.needs_token else command


def _chatgpt_steps(target: Target, transport: Transport) -> list[str]:
    del transport
    url = public_url(target, "ChatGPT", "OpenAI")
    sign_in = "OAuth" if target.needs_token else "No authentication"
    return [
        "Open Settings > Apps > Advanced settings and switch Developer mode on.",
        f"Create app: name {target.name}, MCP server URL {url}, authentication: {sign_in}.",
        "In a chat: + > More > Developer mode, and choose it.",
        *signing_in(target, "Apps"),
    ]


CLIENTS = (
    Client(
        key="chatgpt",
        title="ChatGPT",
        maker="OpenAI",
        transports=("http",),
        instead="It connects over public HTTPS alone: --transport http.",
        steps=_chatgpt_steps,
    ),
    Client(
        key="codex",
        title="Codex",
        transports=("http", "stdio"),
        instead="Use --transport http or --transport stdio.",
        revision="2025-06-18",
        file=ClientFile(
            path=lambda places: (places.codex_home or places.home / ".codex") / "config.toml",
            format="toml",
            table="mcp_servers",
        ),
        variable=TOKEN_VARIABLE,
        entry=_codex_entry,
        command=_codex_command,
        after="Start Codex again; /mcp shows the server.",
    ),
)
