"""Tries the way to sign in that a client without a token goes, up to where a person is asked."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import anyio
import httpx2

from homeport.contract import ENVIRONMENT_HEADER
from homeport.outbound.endpoint import Endpoint, make_client
from homeport.outbound.probe import TrialError, unreachable

SECONDS: Final = 20.0
_PING: Final = b'{"jsonrpc": "2.0", "id": "probe", "method": "ping"}'
_METADATA: Final = re.compile(r'resource_metadata="([^"]+)"')
_LARGEST: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class SignIn:
    """What a client finds that wants to sign in.

    Attributes:
        environment: who answers.
        authorize: the page on which a person allows it.
        registers: how clients make themselves known.
    """

    environment: str
    authorize: str
    registers: str


def try_sign_in(url: str, environment: str | None) -> SignIn:
    """Goes as far as a client can without a person.

    Args:
        url: of the MCP endpoint, as the client is given it.
        environment: who must answer, where that is known.

    Raises:
        TrialError: with what is wrong, and what to do.
    """
    return anyio.run(_try, url, environment)


async def _try(url: str, environment: str | None) -> SignIn:
    endpoint = Endpoint(url=url, environment=environment)
    try:
        with anyio.fail_after(SECONDS):
            async with make_client(endpoint, agent="homeport-connect") as http:
                return await sign_in_over(http, endpoint)
    except TimeoutError:
        raise TrialError(f"{endpoint.shown} does not answer within {SECONDS:g} s.") from None
    except (httpx2.TransportError, httpx2.InvalidURL) as error:
        raise unreachable(endpoint, error) from None


async def sign_in_over(http: httpx2.AsyncClient, endpoint: Endpoint) -> SignIn:
    """As :func:`try_sign_in`, over a client that is there."""
    asked = await http.post(endpoint.url, content=_PING, headers={"Content-Type": "application/json"})
    there = asked.headers.get(ENVIRONMENT_HEADER)
    if there is None or (endpoint.environment is not None and there != endpoint.environment):
        raise TrialError(
            f"What answers at {endpoint.shown} is {there or 'not Homeport'}.",
            "Compare oauth_host with where the reverse proxy leads: docs/oauth.md.",
        )
    found = _METADATA.search(asked.headers.get("www-authenticate", ""))
    if asked.status_code != 401 or found is None:
        raise TrialError(
            f"{endpoint.shown} answers {asked.status_code} and does not say where to sign in.",
            "OAuth is offered at oauth_host alone, and the reverse proxy must pass the Host header on: docs/oauth.md.",
        )
    resource = await _document(http, found[1])
    if resource.get("resource") != endpoint.url:
        raise TrialError(
            f"{found[1]} speaks of {resource.get('resource')}, not of {endpoint.shown}.",
            "A client compares the two: give it the address that stands there.",
        )
    issuers = resource.get("authorization_servers")
    issuer = str(issuers[0]) if isinstance(issuers, list) and issuers else ""
    parts = urlsplit(issuer)
    server = await _document(http, f"{parts.scheme}://{parts.netloc}/.well-known/oauth-authorization-server")
    return _judged(server, there, issuer)


async def _document(http: httpx2.AsyncClient, url: str) -> Mapping[str, Any]:
    answer = await http.get(url)
    try:
        found = json.loads(answer.content[:_LARGEST])
    except ValueError:
        found = None
    if answer.status_code != 200 or not isinstance(found, dict):
        raise TrialError(
            f"{url} is no document of OAuth's (status {answer.status_code}).",
            "The reverse proxy must pass /.well-known/ on to Homeport: docs/oauth.md.",
        )
    return found


def _judged(server: Mapping[str, Any], environment: str, issuer: str) -> SignIn:
    """Sees that what clients need is offered."""
    missing = [key for key in ("authorization_endpoint", "token_endpoint") if not server.get(key)]
    if missing or "S256" not in server.get("code_challenge_methods_supported", []):
        what = ", ".join(missing) or "PKCE with S256"
        raise TrialError(f"{issuer} does not offer {what}.", "Is another authorization server in front?")
    ways = {
        "by documents of their own": server.get("client_id_metadata_document_supported"),
        "by registration": server.get("registration_endpoint"),
    }
    registers = " or ".join(way for way, offered in ways.items() if offered)
    if not registers:
        raise TrialError(f"{issuer} lets no client make itself known.", "Is another authorization server in front?")
    return SignIn(environment, str(server["authorization_endpoint"]), registers)
