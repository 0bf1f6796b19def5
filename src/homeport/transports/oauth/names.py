"""Where OAuth is: one host name, in front of which a reverse proxy ends TLS, and the paths there.

On every other name these paths do not exist, and a refusal does not mention them: a client that has a token drops
it as soon as it finds OAuth (docs/decisions/0008-oauth.md).
"""

from __future__ import annotations

from typing import Final

from homeport.transports.exchange import Exchange, Header

RESOURCE_METADATA: Final = "/.well-known/oauth-protected-resource"
SERVER_METADATA: Final = "/.well-known/oauth-authorization-server"
AUTHORIZE: Final = "/authorize"
TOKEN: Final = "/token"  # noqa: S105 - a path
REGISTER: Final = "/register"
REVOKE: Final = "/revoke"
MCP: Final = "/mcp"
PATHS: Final = frozenset(
    {RESOURCE_METADATA, f"{RESOURCE_METADATA}{MCP}", SERVER_METADATA, AUTHORIZE, TOKEN, REGISTER, REVOKE}
)
_PLAIN: Final[Header] = (b"www-authenticate", b"Bearer")


def issuer(host: str) -> str:
    """The authorization server's identifier, which clients compare letter by letter."""
    return f"https://{host}"


def resource(host: str) -> str:
    """What access is granted to."""
    return f"{issuer(host)}{MCP}"


def is_called(exchange: Exchange, host: str | None) -> bool:
    """Whether a request came under that name, with or without a port."""
    if host is None:
        return False
    shown = exchange.headers.get(b"host", b"").decode("latin-1").strip().lower()
    return shown.partition(":")[0] == host


def challenge(exchange: Exchange, host: str | None) -> Header:
    """The ``WWW-Authenticate`` of a refusal, which tells of OAuth only where there is OAuth."""
    if host is None or exchange.path != MCP or not is_called(exchange, host):
        return _PLAIN
    error = ', error="invalid_token"' if b"authorization" in exchange.headers else ""
    where = f'resource_metadata="{issuer(host)}{RESOURCE_METADATA}{MCP}"'
    return b"www-authenticate", f'Bearer {where}, scope="read write"{error}'.encode()
