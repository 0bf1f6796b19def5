"""Who really asks, where a reverse proxy stands in between: what it says of that, and whom to believe."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Final

from homeport.transports.exchange import UNIX_PEER, Scope

_FOR: Final = b"x-forwarded-for"
_REAL: Final = b"x-real-ip"
_PROTO: Final = b"x-forwarded-proto"
_HEADERS: Final = frozenset({_FOR, _REAL, _PROTO})
_LONGEST: Final = 512
"""Bytes of a header that are looked at, its last; a chain of ten addresses is shorter."""
_REMEMBERED: Final = 1024

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Proxies:
    """Believes the proxies it knows, and nobody else.

    A chain of addresses is read from its end, since that is what the proxy next to us wrote: the first address that
    is no proxy's own is the client's. What stands before it, anybody can have written.

    Args:
        trusted: addresses and networks of proxies, and ``unix`` for whoever calls by a unix socket.
    """

    def __init__(self, trusted: Iterable[str]) -> None:
        names = set(trusted)
        self._trusts_unix = UNIX_PEER in names
        self._networks = tuple(ipaddress.ip_network(name) for name in names - {UNIX_PEER})
        self._peers: dict[str, bool] = {}
        self._clients: dict[tuple[str, bytes, bytes], str] = {}

    def reveal(self, scope: Scope, peer: str) -> str:
        """The address of the client; the scope of the request is made to say it, and the scheme, too.

        Args:
            scope: of the request; its header names are in lower case.
            peer: who opened the connection.
        """
        if not self._is_proxy(peer):
            return peer
        said: dict[bytes, bytes] = {}
        for name, value in scope["headers"]:
            if name in _HEADERS:
                said[name] = b"%b,%b" % (said[name], value) if name in said else value
        proto = said.get(_PROTO, b"").strip().lower()
        if proto in (b"http", b"https"):
            scope["scheme"] = proto.decode()
        client = self._client(peer, said.get(_FOR, b"")[-_LONGEST:], said.get(_REAL, b"")[:_LONGEST])
        if client != peer:
            scope["client"] = (client, 0)
        return client

    def _is_proxy(self, peer: str) -> bool:
        known = self._peers.get(peer)
        if known is None:
            address = address_of(peer)
            known = self._trusts_unix if peer == UNIX_PEER else address is not None and self._trusts(address)
            if len(self._peers) >= _REMEMBERED:
                self._peers.clear()
            self._peers[peer] = known
        return known

    def _client(self, peer: str, chain: bytes, real: bytes) -> str:
        client = self._clients.get((peer, chain, real))
        if client is None:
            if len(self._clients) >= _REMEMBERED:
                self._clients.clear()
            client = self._clients[peer, chain, real] = self._judged(peer, chain, real)
        return client

    def _judged(self, peer: str, chain: bytes, real: bytes) -> str:
        by_chain = self._end_of(chain) if chain else None
        by_real = _written(address_of(real.decode("latin-1"))) if real else None
        if not chain:
            return by_real or peer
        if real and by_real != by_chain:
            # A proxy sets one of them and passes the other on as the client made it up; nobody can tell which.
            return peer
        return by_chain or peer

    def _end_of(self, chain: bytes) -> str | None:
        """The last address of a chain that is no proxy's; where all are, the first of them. None where it has none."""
        found: Address | None = None
        for part in reversed(chain.decode("latin-1").split(",")):
            address = address_of(part)
            if address is None:
                # Who wrote this is the last that is known of.
                break
            found = address
            if not self._trusts(address):
                break
        return _written(found)

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self._networks)


def address_of(text: str) -> Address | None:
    """The address that a proxy wrote down, with or without a port; None for anything else."""
    text = text.strip()
    if text.startswith("["):
        text, bracket, port = text[1:].partition("]")
        if not bracket or (port and not (port[0] == ":" and _is_port(port[1:]))):
            return None
    elif text.count(":") == 1:
        text, _, port = text.partition(":")
        if not _is_port(port):
            return None
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 5


def _written(address: Address | None) -> str | None:
    return None if address is None else str(address)
