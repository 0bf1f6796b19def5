"""What a server's refusal means, in a sentence for people. Pure."""

from __future__ import annotations

import json
from typing import Final

from homeport.outbound.endpoint import Endpoint

_MEANING: Final = {
    401: "the token is missing or is not good",
    403: "the token may not do this, or the server refuses where the request comes from",
    404: "there is nothing at this path",
    405: "this path does not take such requests",
    413: "the message is too large",
    421: "the server does not answer for this host name",
    429: "too many calls",
}


def refused(endpoint: Endpoint, status: int, body: bytes, location: str | None = None) -> str:
    """Why a request was not answered, from the status and from what the server says itself."""
    if location is not None and 300 <= status < 400:
        return f"{endpoint.shown} sends requests on to {location.partition('?')[0]}: give that address instead."
    meaning = _MEANING.get(status, "it refuses" if status < 500 else "it fails")
    own = said(body)
    return f"{endpoint.shown} answers with status {status}: {meaning}{f' ({own})' if own else ''}."


def said(body: bytes) -> str:
    """The message in an error of Homeport's, of JSON-RPC or of most other servers; empty where there is none."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    error = value.get("error") if isinstance(value, dict) else None
    parts = [error.get("message"), error.get("hint")] if isinstance(error, dict) else []
    return " ".join(part for part in parts if isinstance(part, str) and part)[:500].rstrip(".")
