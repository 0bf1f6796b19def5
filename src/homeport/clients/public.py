"""Clients that call from their makers' machines: what they can reach."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from homeport.clients.client import url_of
from homeport.clients.target import Target
from homeport.errors import UsageError

_PRIVATE = (".local", ".internal", ".lan", ".home.arpa", ".localhost", ".localdomain", ".test", ".invalid")


def public_url(target: Target, title: str, maker: str) -> str:
    """The address of the server, if everybody can reach it over HTTPS.

    Raises:
        UsageError: they cannot.
    """
    url = url_of(target, "http")
    fault = _fault(url)
    if fault:
        raise UsageError(
            f"{title} calls from {maker}'s machines and so needs a public HTTPS address; {url} {fault}.",
            "Put a reverse proxy with a certificate in front, add its host to allowed_hosts of the environment, and "
            "say --url https://HOST/mcp.",
        )
    return url


def _fault(url: str) -> str:
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    try:
        private = not ipaddress.ip_address(host).is_global
    except ValueError:
        private = "." not in host or host.endswith(_PRIVATE)
    if private:
        return "is of a machine or network of its own"
    return "" if parts.scheme == "https" else "is not HTTPS"
