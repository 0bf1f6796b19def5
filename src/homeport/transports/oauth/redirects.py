"""Addresses of clients: where a code may be sent, and where a client's document may lie."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import SplitResult, urlencode, urlsplit

MAX_URI: Final = 2000
MAX_URIS: Final = 20
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})
_AUTHORITY: Final = re.compile(r"([a-z0-9.-]+|\[[0-9a-f:.]+\])(:\d{1,5})?", re.IGNORECASE)
_PRINTABLE: Final = re.compile(r"[!-~]+")


def is_sound(uri: str) -> bool:
    """Whether a code may be sent there: https, or http to the machine of the person."""
    parts = _parts(uri)
    if parts is None:
        return False
    host = parts.netloc.lower() if parts.netloc.endswith("]") else parts.netloc.lower().rpartition(":")[0]
    is_local = (host or parts.netloc.lower()) in _LOOPBACK
    return parts.scheme == "https" or (parts.scheme == "http" and is_local)


def is_document(client_id: str) -> bool:
    """Whether a client's id is an address where its document may lie: https, a path, no query."""
    parts = _parts(client_id)
    if parts is None or parts.scheme != "https" or parts.query or "?" in client_id:
        return False
    steps = parts.path.split("/")
    return parts.path not in ("", "/") and not {".", ".."} & set(steps)


def origin(uri: str) -> str:
    """Scheme, host and port of a sound address; holds nothing that could end a directive of a policy."""
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc}"


def answered(uri: str, parameters: Mapping[str, str | None]) -> str:
    """The address with an answer to the client in its query."""
    given = {name: value for name, value in parameters.items() if value is not None}
    return f"{uri}{'&' if '?' in uri else '?'}{urlencode(given)}"


def _parts(uri: str) -> SplitResult | None:
    if len(uri) > MAX_URI or not _PRINTABLE.fullmatch(uri) or "#" in uri or "\\" in uri:
        return None
    try:
        parts = urlsplit(uri)
        return parts if _AUTHORITY.fullmatch(parts.netloc) and parts.port != 0 else None
    except ValueError:
        return None
