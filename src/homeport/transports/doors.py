"""Which ``Host`` and ``Origin`` a request may have: the defence against DNS rebinding.

A page of a foreign site can make a browser send requests to a server on the same machine, under a name that
the site's owner points there. Such a request carries that name as its Host, or the site as its Origin.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})

_HOST: Final = re.compile(r"(\[[0-9a-f:.]+\]|[^:\[\]/@\s]+)(?::\d{1,5})?")
_ORIGIN: Final = re.compile(r"https?://(\[[0-9a-f:.]+\]|[^:\[\]/@\s]+)(?::\d{1,5})?")
_REMEMBERED: Final = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Who has to do with a server besides its own machine.

    Attributes:
        hosts: names besides the loopback ones under which it is called.
        origins: of pages that may call it.
        proxies: addresses and networks of reverse proxies, which are believed for whom they ask.
    """

    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    proxies: tuple[str, ...] = ()


NOBODY_ELSE: Final = Known()


class Doors:
    """Judges Host and Origin; each distinct pair is parsed once.

    Args:
        hosts: names without a port, besides the loopback ones.
        origins: whole origins, besides those of this machine and the server's own.
    """

    def __init__(self, hosts: Iterable[str], origins: Iterable[str]) -> None:
        self._hosts = LOOPBACK | {_bracketed(host.lower()) for host in hosts}
        self._origins = frozenset(origin.lower().rstrip("/") for origin in origins)
        self._known: dict[tuple[bytes | None, bytes | None], int] = {}

    def judge(self, host: bytes | None, origin: bytes | None) -> int:
        """0 for a request that may pass, else the status to refuse it with: 421 or 403."""
        status = self._known.get((host, origin))
        if status is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            status = self._known[host, origin] = self._judged(host, origin)
        return status

    def _judged(self, raw_host: bytes | None, raw_origin: bytes | None) -> int:
        host = (raw_host or b"").decode("latin-1").strip().lower()
        match = _HOST.fullmatch(host)
        if match is None or match[1] not in self._hosts:
            return 421
        if raw_origin is None:
            return 0
        origin = raw_origin.decode("latin-1").strip().lower()
        match = _ORIGIN.fullmatch(origin)
        own = match is not None and (match[1] in LOOPBACK or origin.partition("://")[2] == host)
        return 0 if own or origin in self._origins else 403


def _bracketed(host: str) -> str:
    """An IPv6 address stands in brackets in a Host header."""
    return f"[{host}]" if ":" in host and not host.startswith("[") else host
