"""What a request shows as its token."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl, unquote_plus

from homeport.coordination import tokens
from homeport.errors import UnauthorizedError
from homeport.transports.exchange import Exchange

_AUTHORIZATION: Final = b"authorization"
_QUERY_NAMES: Final = frozenset({"token", "access_token", "bearer_token", "authorization"})
_HOW: Final = "Send it once, as the header Authorization: Bearer TOKEN."


def shown(exchange: Exchange) -> bytes | None:
    """The token as it stands in the header; None where none of the scheme Bearer is shown.

    Raises:
        UnauthorizedError: more than one, or one in the address, where everything on the way logs it.
    """
    query: bytes = exchange.scope.get("query_string", b"")
    if tokens.is_like_token(exchange.path) or (query and _is_in_query(query.decode("latin-1"))):
        raise UnauthorizedError(
            "A token in the address is not taken.",
            f"{_HOW} Revoke the one in the address: whatever it passed may have logged it.",
        )
    header = exchange.headers.get(_AUTHORIZATION)
    if header is None:
        return None
    if exchange.repeated and sum(name == _AUTHORIZATION for name, _ in exchange.scope["headers"]) > 1:
        raise UnauthorizedError("There are two Authorization headers.", _HOW)
    scheme, *rest = header.split(None, 1)[:2] or [b""]
    if scheme.lower() != b"bearer":
        # A proxy before us may have its own, such as Basic; it says nothing to us.
        return None
    return rest[0].strip() if rest else b""


def _is_in_query(query: str) -> bool:
    if tokens.is_like_token(unquote_plus(query)):
        return True
    return any(name.lower() in _QUERY_NAMES for name, _ in parse_qsl(query, keep_blank_values=True))
