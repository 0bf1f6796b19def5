"""What the two halves must agree on, and nothing else.

The environments half (declaration, plans, units) and the coordination half (the server) never import each
other, and at deploy time may be of different versions. They meet in these names: exit codes, the settings
that a unit or a parent process hands to ``homeport serve``, and the files that mark a data directory.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Literal, TypedDict


class ExitCode(IntEnum):
    """Exit codes of every ``homeport`` command."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    REFUSED = 3
    FINDINGS = 4
    NEEDS_PERSON = 5
    CANNOT_START = 78
    """EX_CONFIG of sysexits.h: a unit has ``RestartPreventExitStatus=78``."""
    INTERRUPTED = 130


APPLICATION: Final = "homeport"
"""The ``application`` in the identity of a data directory that Homeport's own server writes."""

IDENTITY_FILE: Final = "identity.json"
"""Names the environment a data directory belongs to; see :class:`Identity`."""

SNAPSHOT_FILE: Final = "DEVELOPMENT_SNAPSHOT.json"
"""Present where the data came from another environment (the proposal's script 3)."""

DATABASE_FILE: Final = "homeport.db"
LOCK_FILE: Final = "server.lock"
"""Held by ``flock`` for as long as a server has the data directory open; its text says who."""

ENVIRONMENT_HEADER: Final = "X-MCP-Environment"
REQUEST_ID_HEADER: Final = "X-Request-ID"


LogFormat = Literal["json", "text"]

Auth = Literal["tokens", "open"]
"""``tokens``: nobody is answered without a token; ``open``: everybody is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeSettings:
    """All that the server half is told when it is started; it reads no declaration of its own.

    ``homeport.server.run(settings)`` opens the data directory, serves until SIGTERM or SIGINT, and answers
    an :class:`ExitCode`.
    """

    environment: str
    data_directory: str
    """Absolute; must exist. Its identity is checked, or stamped where the directory is empty."""
    listen: str
    """An IP address, of both ports."""
    http_port: int
    """``/health``, ``/metrics``, ``/api/v1``, the pages, and ``/mcp`` where :attr:`streamable_http`."""
    sse_port: int | None
    """``/sse`` and its message endpoint; None where the environment does not offer that protocol."""
    version: str
    release: str | None = None
    """Commit or release id that the server is started from, where known."""
    protected: bool = False
    streamable_http: bool = True
    """Whether ``/mcp`` is offered; the rest of the HTTP port is always there."""
    auth: Auth = "tokens"
    rate_limit: int = 0
    """Requests a minute for each token, or for each address where no token is shown; 0 for no limit."""
    allowed_hosts: tuple[str, ...] = ()
    """Names besides the loopback ones that the ``Host`` header may have, without a port."""
    allowed_origins: tuple[str, ...] = ()
    """Besides the server's own, the values that the ``Origin`` header may have."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses and networks of reverse proxies, and ``unix`` for unix sockets: what they say of a request's origin
    (X-Forwarded-For, X-Real-IP, X-Forwarded-Proto) is believed, and nobody else's word."""
    oauth_host: str | None = None
    """The one name under which clients sign in with OAuth, https in front of it; None for no OAuth at all."""
    log_format: LogFormat = "json"


class Identity(TypedDict):
    """The content of ``identity.json``: one JSON object, UTF-8, mode 0644."""

    application: str
    environment: str
    id: str
    """A random UUID that a copy keeps and a sync renews."""
    created: str
    """RFC 3339, UTC."""


class Health(TypedDict):
    """The answer of ``GET /health``: status 200 when ``status`` is ``healthy``, else 503."""

    status: Literal["healthy", "unhealthy"]
    environment: str
    version: str
    release: str | None
    """Commit or release id that the server was started from, where known."""
    schema_version: str
    data_directory: str
    identity: str
    last_backup: str | None
    """RFC 3339 time of the last backup that was read back and found good."""
    uptime_seconds: float
    reasons: list[str]
    """What is wrong, one sentence each; empty when healthy."""
