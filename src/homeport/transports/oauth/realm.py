"""What all of OAuth's parts share: whose access it is, under which name, and which clients there are."""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from homeport.coordination import oauth
from homeport.coordination.oauth import HOUR, Client
from homeport.coordination.store import Store
from homeport.coordination.values import Millis
from homeport.errors import CallError
from homeport.transports.buckets import Buckets
from homeport.transports.log import Log
from homeport.transports.oauth import names, redirects

SHARE: Final = 60
"""Requests a minute of one client to one path."""
DOCUMENT_LASTS: Final = HOUR
MAX_NAME: Final = 80

Fetch = Callable[[str], Awaitable[bytes]]
"""Gets a client's document over https, or raises OSError; must not reach private addresses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Realm:
    """One environment's OAuth.

    Attributes:
        host: the public name.
        environment: whose access is granted.
        store: where it is kept.
        log: learns of attempts that failed.
        clock: milliseconds since the epoch.
        fetch: gets documents of clients; without it they have to register.
        monotonic: seconds.
        shares: requests that clients may still make.
    """

    host: str
    environment: str
    store: Store
    log: Log
    clock: Callable[[], Millis]
    fetch: Fetch | None = None
    monotonic: Callable[[], float] = time.monotonic
    shares: Buckets = field(default_factory=lambda: Buckets(SHARE))

    @property
    def issuer(self) -> str:
        """The authorization server's identifier."""
        return names.issuer(self.host)

    def is_resource(self, asked: str) -> bool:
        """Whether access to it is what is granted here (RFC 8707)."""
        return asked.rstrip("/") in (self.issuer, names.resource(self.host))

    def has_share(self, *whose: str) -> bool:
        """Whether one more request of a client is within its share."""
        return self.shares.take(" ".join(whose), self.monotonic()).allowed

    async def known(self, client_id: str) -> Client | None:
        """A client that was seen before."""
        now = self.clock()
        found = await self.store.read(lambda records: records.oauth.client(client_id))
        return None if found is None or found.is_forgotten(now) else found

    async def client(self, client_id: str) -> Client | None:
        """A client, also one that is new and whose id is the address of its document."""
        found = await self.known(client_id)
        if self.fetch is None or not redirects.is_document(client_id):
            return found
        now = self.clock()
        if found is not None and now - (found.fetched_at or 0) < DOCUMENT_LASTS:
            return found
        if not self.has_share("documents"):
            return None
        try:
            client = _read(client_id, await self.fetch(client_id), found, now)
            return await self.store.write(lambda records: oauth.register(records, client, now))
        except (OSError, ValueError, RecursionError, CallError) as error:
            self.log.event("warning", "a client's document was not taken", client=client_id, reason=str(error)[:300])
            return None


def shown_name(name: object) -> str:
    """What a client calls itself, such that it cannot disturb the page it is shown on."""
    text = "".join(one for one in str(name or "") if one.isprintable())
    return " ".join(text.split())[:MAX_NAME] or "a client without a name"


def _read(client_id: str, document: bytes, found: Client | None, now: Millis) -> Client:
    data = json.loads(document)
    if not isinstance(data, dict) or data.get("client_id") != client_id:
        raise ValueError("the document is another client's")
    if data.get("token_endpoint_auth_method", "none") not in ("none", "private_key_jwt") or "client_secret" in data:
        raise ValueError("the client would show a secret, which a public document cannot hold")
    uris = data.get("redirect_uris")
    if not isinstance(uris, list) or not 0 < len(uris) <= redirects.MAX_URIS:
        raise ValueError("the document names no redirect_uris, or too many")
    wrong = [uri for uri in uris if not isinstance(uri, str) or not redirects.is_sound(uri)]
    if wrong:
        raise ValueError(f"{str(wrong[0])[:100]!r} is no redirect URI that is taken")
    since = found.created_at if found else now
    name = shown_name(data.get("client_name"))
    return Client(client_id, name, tuple(uris), since, found.used_at if found else None, now)
