"""The server that a client is to be connected with."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import urlsplit

from homeport.errors import UsageError
from homeport.secret import Secret

Transport = Literal["http", "sse", "stdio"]

TOKEN_VARIABLE: Final = "HOMEPORT_TOKEN"  # noqa: S105 - the name of a variable
"""Where clients, and ``homeport stdio``, take the token from."""

_PATHS: Final = {"http": "/mcp", "sse": "/sse"}
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a server is, what its entry is called, and whether a token belongs to it."""

    environment: str
    name: str
    """Of the entry in a client's configuration."""
    http_url: str | None
    sse_url: str | None
    oauth_url: str | None = None
    """Of ``/mcp`` on the public host where clients sign in with OAuth, where there is one."""
    bridge: tuple[str, ...]
    """The program and arguments that a client starts in order to speak over pipes; the program's path is absolute."""
    needs_token: bool = False
    token: Secret | None = None
    """To be written down where a client cannot take it from a variable, or where that was asked for."""
    write_token: bool = False
    """Whether :attr:`token` is to be written even where the client could take it from a variable."""


def entry_name(environment: str) -> str:
    """What a client calls its connection.

    Production is ``homeport``; whatever is not production says so in its name, so that nobody takes it for that.
    """
    return "homeport" if environment == "production" else f"homeport-{environment}"


def checked_entry_name(name: str, environment: str) -> str:
    """A name that a person chose for the entry.

    Raises:
        UsageError: clients would not take it, or it would pass for production's.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} is not a name for a connection.", "Letters, digits, - and _; at most 64.")
    if environment != "production" and (name == entry_name("production") or "prod" in name.lower()):
        raise UsageError(
            f"{name} would pass for production, and this is {environment}.", f"Call it {entry_name(environment)}."
        )
    return name


def endpoint_url(url: str, transport: Literal["http", "sse"]) -> str:
    """The endpoint of an address: a bare one gets the path that the server has it at.

    Raises:
        UsageError: it is not an address of HTTP, or has a secret in it.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise UsageError(f"{url!r} is not an address.", "Give one such as https://coordination.example.org/mcp.")
    if parts.username is not None or parts.password is not None:
        raise UsageError("The address has a password in it.", f"Put the token into {TOKEN_VARIABLE} or a file instead.")
    return url if parts.path.strip("/") else f"{parts.scheme}://{parts.netloc}{_PATHS[transport]}"
