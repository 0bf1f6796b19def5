"""Which paths are pages', and what their cookies are called: known before anything else of them is loaded."""

from __future__ import annotations

from http.cookies import CookieError, SimpleCookie
from typing import Final

from homeport.transports.exchange import Exchange

STATIC: Final = "static"
SIGN_IN: Final = "/sign-in"
FIRST_WORDS: Final = frozenset(
    {
        *(
            "connect",
            "environments",
            "inbox",
            "instances",
            "lessons",
            "me",
            "new",
            "projects",
            "search",
            "sign-in",
            "sign-out",
        ),
        *(STATIC, "tasks", "tokens", "webhooks"),
    }
)
"""The first segments of pages' paths; ``/`` is one for browsers alone. ``/messages`` is HTTP+SSE's behind a proxy."""
_HTML: Final = b"text/html"
_LONGEST: Final = 4096


def is_page(exchange: Exchange) -> bool:
    """Whether a request is for a page."""
    if exchange.path == "/":
        return wants_page(exchange)
    return exchange.path[1:].partition("/")[0] in FIRST_WORDS


def wants_page(exchange: Exchange) -> bool:
    """Whether a browser asks, which is told apart by what it takes."""
    return exchange.method in ("GET", "HEAD") and _HTML in exchange.headers.get(b"accept", b"")


def cookie_name(environment: str, what: str) -> str:
    """A cookie of one environment. Browsers give cookies to all ports of a host, so its name is in theirs."""
    return f"homeport-{environment}-{what}"


def cookie(exchange: Exchange, environment: str, what: str) -> str | None:
    """The value of one of our cookies, if the browser sent it."""
    header = exchange.headers.get(b"cookie", b"")
    if not header or len(header) > _LONGEST:
        return None
    try:
        found = SimpleCookie(header.decode("latin-1")).get(cookie_name(environment, what))
    except CookieError:
        return None
    return found.value if found is not None and found.value else None


def session(exchange: Exchange, environment: str) -> bytes | None:
    """What a browser shows in place of a token, once its person has signed in."""
    value = cookie(exchange, environment, "session")
    return None if value is None else value.encode("latin-1", "replace")
