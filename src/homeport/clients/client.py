"""What there is to know of a client."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Literal

from homeport.clients.target import TOKEN_VARIABLE, Target, Transport
from homeport.errors import UsageError
from homeport.secret import Secret

Format = Literal["json", "jsonc", "toml"]
Entry = dict[str, Any]

PASTE = "PASTE-THE-TOKEN-HERE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where a person's files are."""

    home: PurePosixPath
    here: PurePosixPath
    platform: str
    """As ``sys.platform``."""
    codex_home: PurePosixPath | None = None
    """``CODEX_HOME``, where it is set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientFile:
    """Where a client has its connections."""

    path: Callable[[Places], PurePosixPath]
    format: Format
    table: str
    """The key under which they stand by name."""
    shared: bool = False
    """Whether it belongs to a project, and so is committed and seen by others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A program that connects to servers."""

    key: str
    title: str
    transports: tuple[Transport, ...]
    """The first is the one that is taken where nobody says."""
    maker: str = ""
    """Whose machines it calls from over HTTP, where that is not the person's own."""
    instead: str = ""
    """What to do where another transport is wanted."""
    revision: str = "2025-11-25"
    """What it asks for first; ``auto`` for the newest that both know."""
    file: ClientFile | None = None
    variable: str = ""
    """How a value of its file refers to the token's variable; empty where it cannot."""
    entry: Callable[[Target, Transport], Entry] | None = None
    inputs: Callable[[Target], Entry | None] | None = None
    """What it asks a person for before it connects (VS Code)."""
    command: Callable[[Target, Transport], list[str] | None] | None = None
    """The client's own command that does the same."""
    steps: Callable[[Target, Transport], list[str]] | None = None
    """What a person does by hand."""
    after: str = ""
    """What makes it take notice of a changed file."""

    def transport(self, wanted: Transport | None) -> Transport:
        """The transport to use.

        Raises:
            UsageError: the client does not have the one that is wanted.
        """
        if wanted is None:
            return self.transports[0]
        if wanted not in self.transports:
            raise UsageError(f"{self.title} has no {_SPOKEN[wanted]}.", self.instead)
        return wanted


_SPOKEN: Mapping[Transport, str] = {
    "http": "streamable HTTP of its own",
    "sse": "HTTP+SSE transport",
    "stdio": "stdio transport",
}


def url_of(target: Target, transport: Transport) -> str:
    """The address for a transport over HTTP.

    Raises:
        UsageError: the environment does not offer it.
    """
    url = target.sse_url if transport == "sse" else target.http_url
    if url is None:
        other = "sse" if transport == "http" else "http"
        raise UsageError(
            f"{target.environment} does not offer {transport}.",
            f'Use --transport {other}, or add "{transport}" to its protocols.',
        )
    return url


def bearer(target: Target, variable: str) -> str | None:
    """The value of the Authorization header as a client's file has it; None where no token belongs to it."""
    if not target.needs_token:
        return None
    return f"Bearer {_token(target, variable)}"


def headers(target: Target, variable: str) -> Entry:
    """The member ``headers``, where there is something to say in it."""
    value = bearer(target, variable)
    return {} if value is None else {"headers": {"Authorization": value}}


def program(target: Target, variable: str) -> Entry:
    """The members that start the bridge."""
    url_of(target, "http")
    entry: Entry = {"command": target.bridge[0], "args": list(target.bridge[1:])}
    # With --token-file the bridge reads the file itself, and the client need not know of a token.
    if target.needs_token and "--token-file" not in target.bridge:
        entry["env"] = {TOKEN_VARIABLE: _token(target, variable)}
    return entry


def _token(target: Target, variable: str) -> str:
    if target.token is not None and (target.write_token or not variable):
        return target.token.reveal()
    return variable or PASTE


def entry_secrets(entry: Entry) -> list[Secret]:
    """The values of an entry that are tokens and not references to one."""
    values = [*_table(entry.get("headers")).values(), *_table(entry.get("http_headers")).values()]
    values += _table(entry.get("env")).values()
    return [Secret(value) for value in values if isinstance(value, str) and "$" not in value and PASTE not in value]


def _table(value: object) -> Entry:
    return dict(value) if isinstance(value, Mapping) else {}
