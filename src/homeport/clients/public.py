"""Clients that call from their makers' machines: what they can reach."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from homeport.clients.client import Client, url_of
from homeport.clients.target import Target, Transport
from homeport.errors import UsageError

_PRIVATE = (".local", ".internal", ".lan", ".home.arpa", ".localhost", ".localdomain", ".test", ".invalid")


def address_for(client: Client, target: Target, transport: Transport) -> str:
    """The address at which a client finds the server.

    Raises:
        UsageError: there is none that it can reach.
    """
    wire: Transport = "http" if transport == "stdio" else transport
    return (
        public_url(target, client.title, client.maker) if client.maker and transport == "http" else url_of(target, wire)
    )


def public_url(target: Target, title: str, maker: str) -> str:
    """The address of the server that everybody can reach over HTTPS: where it has OAuth, that host's.

    Raises:
        UsageError: there is none.
    """
    url = url_of(target, "http")
    if target.oauth_url is not None:
        return target.oauth_url
    fault = _fault(url)
    if fault:
        raise UsageError(
            f"{title} calls from {maker}'s machines and so needs a public HTTPS address; {url} {fault}.",
            f"It takes no token but signs in with OAuth: set oauth_host of {target.environment} to a public host name "
            "of its own, with a reverse proxy in front (docs/oauth.md). Where that is another machine's: --url "
            "https://HOST/mcp."
            if target.needs_token
            else "Put a reverse proxy with a certificate in front, add its host to allowed_hosts of the environment, "
            "and say --url https://HOST/mcp.",
        )
    return url


def signing_in(target: Target, what: str) -> list[str]:
    """The step of a person, where a token is asked for."""
    if not target.needs_token:
        return []
    if target.oauth_url is None:
        return [f"{what} take no token; they sign in with OAuth, which the environment must offer at that address."]
    made = f"homeport token create {target.environment} --name WHO --instance ID"
    return [f"On the page that opens, show a token ({made}) in whose name it may act, and allow that."]


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
