"""OAuth 2.1: what a client is given in the name of a token, and what is kept of it.

A person shows a token and lets a client have what that token may do: a *grant*. Out of it come *credentials*: a code
that is good once, access tokens that are good for an hour, and refresh tokens that are good once each. All end with the
grant, and the grant ends with the token. Kept is the SHA-256 of each; access and refresh tokens have the form of any
token (:mod:`.tokens`), so that scanners and the log know them.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from homeport.coordination import events, tokens
from homeport.coordination.tokens import SCOPES, Scope, Token
from homeport.coordination.values import JsonObject, Millis
from homeport.errors import ConflictError
from homeport.secret import Secret

if TYPE_CHECKING:
    from homeport.coordination.store import Records

MINUTE: Final[Millis] = 60_000
HOUR: Final[Millis] = 60 * MINUTE
DAY: Final[Millis] = 24 * HOUR
CONSENT_LASTS: Final = 10 * MINUTE
CODE_LASTS: Final = MINUTE
ACCESS_LASTS: Final = HOUR
REFRESH_LASTS: Final = 30 * DAY
"""Since the last refresh: a client that stays away for longer asks its person again."""
STRANGER_LASTS: Final = HOUR
"""A registered client that nobody has let in."""
CLIENT_LASTS: Final = 90 * DAY
"""A client since it was last let in or refreshed."""
MAX_CLIENTS: Final = 500
GRANTED: Final = "grant.created"
ENDED: Final = "grant.ended"

Kind = Literal["consent", "code", "access", "refresh"]


@dataclass(frozen=True, slots=True)
class Client:
    """A program that asks for grants; all of them are public ones, which have no secret.

    ``name`` is what it calls itself, and proves nothing. ``redirect_uris`` are compared letter by letter.
    ``fetched_at`` is set where the client's id is the address of a document that says the rest.
    """

    id: str
    name: str
    redirect_uris: tuple[str, ...]
    created_at: Millis
    used_at: Millis | None = None
    fetched_at: Millis | None = None

    def is_forgotten(self, now: Millis) -> bool:
        """Whether it need not be kept any longer."""
        if self.used_at is None:
            return now >= self.created_at + STRANGER_LASTS
        return now >= self.used_at + CLIENT_LASTS


@dataclass(frozen=True, slots=True)
class Grant:
    """What a client may do in the name of a token: at most ``scope``, and never more than the token."""

    id: str
    client_id: str
    client_name: str
    token_id: str
    scope: Scope
    created_at: Millis
    ended_at: Millis | None = None


@dataclass(frozen=True, slots=True)
class Credential:
    """What is kept of one secret. A consent belongs to no grant yet, and has its token's id in ``data``."""

    digest: str
    kind: Kind
    grant_id: str
    client_id: str
    scope: Scope
    created_at: Millis
    expires_at: Millis
    used_at: Millis | None = None
    data: JsonObject = field(default_factory=dict)

    def is_good(self, now: Millis) -> bool:
        """Neither used nor expired."""
        return self.used_at is None and now < self.expires_at


class Pair(NamedTuple):
    """What a client gets for a code or a refresh token."""

    access: Secret
    refresh: Secret
    scope: Scope


def digest(text: str) -> str:
    """What is kept of a credential's text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def lower(one: Scope, other: Scope) -> Scope:
    """The scope that allows less."""
    return min(one, other, key=SCOPES.index)


def words(scope: Scope) -> list[str]:
    """A scope as OAuth writes it: it and all that it includes."""
    return list(SCOPES[: SCOPES.index(scope) + 1])


def highest(asked: list[str]) -> Scope | None:
    """The one scope that includes all that was asked for; words that mean nothing here are left out."""
    known: list[Scope] = [one for one in SCOPES if one in asked]
    return known[-1] if known else None


def register(records: Records, client: Client, now: Millis) -> Client:
    """Keeps a client, in the place of one that has the same id.

    Raises:
        ConflictError: there are as many as there may be, and none of them has been idle for long enough.
    """
    forget_clients(records, now)
    if records.oauth.client(client.id) is None and len(records.oauth.clients()) >= MAX_CLIENTS:
        raise ConflictError(
            f"{MAX_CLIENTS} clients are registered.", "Those that nobody lets in are forgotten within the hour."
        )
    records.oauth.put_client(client)
    return client


def forget_clients(records: Records, now: Millis) -> None:
    """Deletes clients that were idle for long."""
    for client in records.oauth.clients():
        if client.is_forgotten(now):
            records.oauth.delete_client(client.id)


def begin_consent(
    records: Records, text: Secret, client_id: str, scope: Scope, data: JsonObject, now: Millis
) -> Credential:
    """Remembers who signed in, until the person has decided. ``data`` has the ``token_id``."""
    kept = Credential(digest(text.reveal()), "consent", "", client_id, scope, now, now + CONSENT_LASTS, data=data)
    records.oauth.put_credential(kept)
    return kept


def take_consent(records: Records, text: str, now: Millis) -> tuple[Credential, Token] | None:
    """What was remembered, once, with its token; None when it is old, was taken, or the token is good no more."""
    found = records.oauth.credential(digest(text))
    if found is None or found.kind != "consent" or not found.is_good(now):
        return None
    records.oauth.put_credential(replace(found, used_at=now))
    token = records.tokens.get(str(found.data.get("token_id")))
    return None if token is None or not token.is_good(now) else (found, token)


def grant(
    records: Records,
    client: Client,
    token: Token,
    scope: Scope,
    grant_id: str,
    code: Secret,
    data: JsonObject,
    now: Millis,
) -> Grant:
    """Makes a grant, and the code with which its client gets the rest.

    Args:
        records: where it is kept.
        client: who gets it.
        token: in whose name; good.
        scope: the most that was asked for.
        grant_id: a new id.
        code: a new secret.
        data: what the client must show beside the code.
        now: the time.
    """
    made = Grant(grant_id, client.id, client.name, token.id, lower(scope, token.scope), now)
    records.oauth.put_grant(made)
    records.oauth.put_client(replace(client, used_at=now))
    kept = Credential(digest(code.reveal()), "code", made.id, client.id, made.scope, now, now + CODE_LASTS, data=data)
    records.oauth.put_credential(kept)
    _record(records, GRANTED, made, now)
    return made


def shown(records: Records, kind: Kind, text: str, client_id: str, now: Millis) -> Credential | None:
    """A code or a refresh token that is good in its client's hands.

    One that was used before is in two hands: everything that came of its grant is ended, whoever showed it.
    """
    found = records.oauth.credential(digest(text))
    if found is None or found.kind != kind:
        return None
    if found.used_at is not None:
        end(records, found.grant_id, now)
        return None
    return found if found.client_id == client_id and found.is_good(now) and _is_alive(records, found, now) else None


def exchange(
    records: Records, kind: Kind, text: str, client_id: str, scope: Scope, environment: str, random: bytes, now: Millis
) -> Pair | None:
    """Takes a code or a refresh token, and gives a new pair for it; None when it is not good (any more).

    Args:
        records: where it is kept.
        kind: of what is taken.
        text: of what is taken.
        client_id: of the client that shows it.
        scope: the most that was asked for.
        environment: where the pair is good.
        random: two times :data:`tokens.RANDOM_BYTES`.
        now: the time.
    """
    found = shown(records, kind, text, client_id, now)
    if found is None:
        return None
    records.oauth.put_credential(replace(found, used_at=now))
    client = records.oauth.client(client_id)
    if client is not None:
        records.oauth.put_client(replace(client, used_at=now))
    half = tokens.RANDOM_BYTES
    access = tokens.mint(environment, random[:half])[1]
    refresh = tokens.mint(environment, random[half:])[1]
    made = Credential("", "access", found.grant_id, client_id, lower(scope, found.scope), now, now + ACCESS_LASTS)
    records.oauth.put_credential(replace(made, digest=digest(access.reveal())))
    next_one = replace(made, kind="refresh", scope=found.scope, expires_at=now + REFRESH_LASTS)
    records.oauth.put_credential(replace(next_one, digest=digest(refresh.reveal())))
    return Pair(access, refresh, made.scope)


def end(records: Records, grant_id: str, now: Millis) -> None:
    """Ends a grant, and with it all that came of it."""
    found = records.oauth.grant(grant_id)
    if found is not None and found.ended_at is None:
        records.oauth.put_grant(replace(found, ended_at=now))
        _record(records, ENDED, found, now)


def revoke(records: Records, text: str, client_id: str, now: Millis) -> None:
    """Ends the grant of an access or refresh token in its client's hands (RFC 7009); else does nothing."""
    found = records.oauth.credential(digest(text))
    if found is not None and found.kind in ("access", "refresh") and found.client_id == client_id:
        end(records, found.grant_id, now)


def bearer(records: Records, shown_digest: str, now: Millis) -> tuple[Grant, Token] | None:
    """The grant behind an access token, with its token and the scope that are left; None when it opens nothing."""
    found = records.oauth.credential(shown_digest)
    if found is None or found.kind != "access" or not found.is_good(now):
        return None
    made, token = _behind(records, found)
    if made is None or token is None or made.ended_at is not None or not token.is_good(now):
        return None
    return replace(made, scope=lower(found.scope, token.scope)), token


def tidy(records: Records, now: Millis) -> None:
    """Forgets what cannot be used any more. Used refresh tokens stay as long as they might turn up again."""
    forget_clients(records, now)
    records.oauth.forget(now)


def _is_alive(records: Records, found: Credential, now: Millis) -> bool:
    made, token = _behind(records, found)
    return made is not None and made.ended_at is None and token is not None and token.is_good(now)


def _behind(records: Records, found: Credential) -> tuple[Grant | None, Token | None]:
    made = records.oauth.grant(found.grant_id)
    return made, None if made is None else records.tokens.get(made.token_id)


def _record(records: Records, kind: str, made: Grant, now: Millis) -> None:
    data = {"client": made.client_name, "client_id": made.client_id, "token_id": made.token_id, "scope": made.scope}
    events.record(records, kind, now, subject=made.id, data=data)
