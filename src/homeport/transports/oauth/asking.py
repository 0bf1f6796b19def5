"""What a client asks of a person: the parameters of ``/authorize``, read and judged."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Final

from homeport.coordination import oauth
from homeport.coordination.oauth import Client
from homeport.coordination.tokens import Scope
from homeport.transports.oauth import names
from homeport.transports.oauth.forms import FormError, pairs_of
from homeport.transports.oauth.realm import Realm

MAX_QUERY: Final = 8192
_CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}")


class NowhereError(Exception):
    """A request of which nothing may be told to its redirect URI: the client, or that address, is not known."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that may be put to a person.

    ``scope`` is the most that is asked for; None for all that the person's token may. ``fingerprint`` tells it from
    every other request.
    """

    client: Client
    redirect_uri: str
    state: str | None
    challenge: str
    scope: Scope | None
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Wrong:
    """A fault that the client is told, at its redirect URI."""

    redirect_uri: str
    state: str | None
    error: str
    description: str


async def asked(realm: Realm, query: str) -> Asked | Wrong:
    """Reads a request.

    Raises:
        NowhereError: nobody is redirected.
    """
    if len(query) > MAX_QUERY:
        raise NowhereError("The request is too long.")
    try:
        given = pairs_of(query)
    except FormError as error:
        raise NowhereError(f"The request is wrong: {error}.") from None
    client_id, redirect_uri = given.get("client_id", ""), given.get("redirect_uri", "")
    client = await realm.client(client_id) if client_id and realm.has_share(names.AUTHORIZE, client_id) else None
    if client is None:
        raise NowhereError(
            "The client is not known here, or comes too often. Remove it where it runs, and add it again."
        )
    # Letter by letter: whatever is more generous has sent codes to strangers.
    if redirect_uri not in client.redirect_uris:
        raise NowhereError(f"{client.name} asks for the answer at an address that it has not registered.")
    state = given.get("state")
    fault = _fault(realm, given)
    if fault is not None:
        return Wrong(redirect_uri, state, *fault)
    scope = oauth.highest(given.get("scope", "").split())
    fingerprint = hashlib.sha256(query.encode()).hexdigest()
    return Asked(client, redirect_uri, state, given["code_challenge"], scope, fingerprint)


def _fault(realm: Realm, given: dict[str, str]) -> tuple[str, str] | None:
    if given.get("response_type") != "code":
        return "unsupported_response_type", "response_type must be code"
    if given.get("code_challenge_method") != "S256":
        return "invalid_request", "code_challenge_method must be S256"
    if not _CHALLENGE.fullmatch(given.get("code_challenge", "")):
        return "invalid_request", "code_challenge must be the base64url of a SHA-256"
    if given.get("resource") and not realm.is_resource(given["resource"]):
        return "invalid_target", f"resource is {names.resource(realm.host)} here"
    return None
