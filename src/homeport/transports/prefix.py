"""Below which path a reverse proxy offers this server."""

from __future__ import annotations

import re
from typing import Final

from homeport.transports.exchange import Exchange

PREFIX: Final = re.compile(r"(/[A-Za-z0-9._~-]{1,64}){0,8}")


def outer_prefix(exchange: Exchange) -> str:
    """The path that a proxy takes off before it asks us, where it says so; without a slash at its end."""
    said = exchange.headers.get(b"x-forwarded-prefix", b"").decode("latin-1").strip().rstrip("/")
    prefix = said or str(exchange.scope.get("root_path", "")).rstrip("/")
    return prefix if PREFIX.fullmatch(prefix) else ""
