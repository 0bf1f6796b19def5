"""Tokens: what a caller shows so that it is recognised, and what is kept of it.

The text of a token is ``hpt_<environment>_<id><secret><checksum>``: its kind and its environment can be read off it by
people, servers and scanners for leaked secrets, the checksum tells a token from anything that only looks like one
without a look-up, and the id finds what is kept. Kept is the SHA-256 of the text and never the text. A slow hash, as
passwords need it, would gain nothing: the secret is 176 random bits, which nobody guesses at any speed.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

from homeport.coordination import events
from homeport.coordination.values import Millis, checked_name, iso
from homeport.errors import ConflictError, InvalidError, NotFoundError, UnauthorizedError
from homeport.secret import Secret

if TYPE_CHECKING:
    from homeport.coordination.store import Records

Scope = Literal["read", "write", "admin"]
SCOPES: Final[tuple[Scope, ...]] = ("read", "write", "admin")
"""Each includes the ones before it."""

PREFIX: Final = "hpt_"
RANDOM_BYTES: Final = 28
"""What :func:`mint` is handed: 6 for the id, 22 for the secret."""
PATTERN: Final = r"hpt_[a-z][a-z0-9-]{0,39}_[0-9A-Za-z]{44}"
"""For scanners of secrets; docs/tokens.md has it too."""
CREATED: Final = "token.created"
REVOKED: Final = "token.revoked"
MAX_NAME: Final = 80

_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_ID: Final = 8
_SECRET: Final = 30
_CHECKSUM: Final = 6
_TOKEN: Final = re.compile(PATTERN)
_LIKE_A_TOKEN: Final = re.compile(r"hpt(?:_|%5[fF])[a-z][a-z0-9-]{0,39}(?:_|%5[fF])[0-9A-Za-z]{9,}[0-9A-Za-z_%-]*")
"""With one character of the secret at least, also where it is cut off or was written into an address."""
_UNKNOWN: Final = hashlib.sha256(b"a token that nobody has").hexdigest()


@dataclass(frozen=True, slots=True)
class Token:
    """What is kept of a token.

    ``instance_id`` is the one instance that it speaks as; None where it may speak as any. ``digest`` is the SHA-256 of
    the token's text in hexadecimal digits.
    """

    id: str
    name: str
    scope: Scope
    instance_id: str | None
    digest: str
    created_at: Millis
    expires_at: Millis | None = None
    revoked_at: Millis | None = None
    last_used_at: Millis | None = None

    def is_good(self, now: Millis) -> bool:
        """Whether it opens anything."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    def state(self, now: Millis) -> Literal["good", "expired", "revoked"]:
        """In one word."""
        if self.revoked_at is not None:
            return "revoked"
        return "good" if self.is_good(now) else "expired"


@dataclass(frozen=True, slots=True)
class Request:
    """What is wanted of a new token."""

    name: str
    scope: Scope = "write"
    instance_id: str | None = None
    expires_at: Millis | None = None


def mint(environment: str, random: bytes) -> tuple[str, Secret]:
    """The id and the text of a new token.

    Args:
        environment: where it is good; has no underscore.
        random: :data:`RANDOM_BYTES` of them, from the system's source of secrets.
    """
    if len(random) != RANDOM_BYTES:
        raise ValueError(f"{len(random)} random bytes")
    token_id = _base62(int.from_bytes(random[:6]), _ID)
    body = f"{PREFIX}{environment}_{token_id}{_base62(int.from_bytes(random[6:]), _SECRET)}"
    return token_id, Secret(body + checksum(body))


def checksum(body: str) -> str:
    """The last characters of a token whose text begins so."""
    return _base62(zlib.crc32(body.encode()), _CHECKSUM)


def digest(text: str) -> str:
    """What is kept of a token's text."""
    return hashlib.sha256(text.encode()).hexdigest()


def shown_prefix(environment: str, token_id: str) -> str:
    """The beginning of a token's text that may be shown."""
    return f"{PREFIX}{environment}_{token_id}"


def id_of(text: str, environment: str) -> str:
    """The id in the text of a token, which must be whole and of this environment. Looks nothing up.

    Raises:
        UnauthorizedError: it is no token, or another environment's.
    """
    if not _TOKEN.fullmatch(text) or not hmac.compare_digest(checksum(text[:-_CHECKSUM]), text[-_CHECKSUM:]):
        raise UnauthorizedError(
            "What was shown as a token is none of Homeport's, or not a whole one.",
            f"A token begins with {PREFIX}{environment}_; copy all of it.",
        )
    _, of, rest = text.split("_")
    if of != environment:
        raise UnauthorizedError(
            f"This is a token of {of}, and this is {environment}.",
            f"Use one of {environment}: homeport token create {environment}.",
        )
    return rest[:_ID]


def judge(found: Token | None, shown_digest: str, environment: str, now: Millis) -> Token:
    """The token, if the one that was shown is it and still good. An unknown id and a wrong secret are not told apart.

    Args:
        found: what is kept under the id of the shown one.
        shown_digest: of the shown one.
        environment: of this server.
        now: the time.

    Raises:
        UnauthorizedError: unknown, revoked or expired.
    """
    same = hmac.compare_digest(_UNKNOWN if found is None else found.digest, shown_digest)
    another = f"Ask for another one: homeport token create {environment}."
    if found is None or not same:
        raise UnauthorizedError(f"This token is not known in {environment}.", another)
    if found.revoked_at is not None:
        raise UnauthorizedError(f"This token was revoked at {iso(found.revoked_at)}.", another)
    if not found.is_good(now):
        raise UnauthorizedError(f"This token expired at {iso(found.expires_at or now)}.", another)
    return found


def create(records: Records, wanted: Request, environment: str, random: bytes, now: Millis) -> tuple[Token, Secret]:
    """Makes a token; its text is in the answer and nowhere else.

    Raises:
        InvalidError: its name or instance cannot be, or it would be expired already.
        ConflictError: a good token has that name: in logs they could not be told apart.
    """
    name = checked_name(wanted.name, "name")
    if len(name) > MAX_NAME:
        raise InvalidError(f"name: {len(name)} characters.", f"A token's name has at most {MAX_NAME}.")
    if wanted.instance_id is not None:
        checked_name(wanted.instance_id, "instance")
    if wanted.expires_at is not None and wanted.expires_at <= now:
        raise InvalidError("expires: it would be expired already.", "Give a time that is to come, such as 90d.")
    for other in records.tokens.all():
        if other.name == name and other.is_good(now):
            raise ConflictError(
                f"The token {other.id} has the name {name!r}.",
                f"Choose another name, or revoke that one: homeport token revoke {environment} {other.id}",
            )
    token_id, text = mint(environment, random)
    token = Token(token_id, name, wanted.scope, wanted.instance_id, digest(text.reveal()), now, wanted.expires_at)
    if records.tokens.get(token_id) is not None:
        raise ConflictError(f"The id {token_id} is taken, by a chance of one in 10^14.", "Try again.")
    records.tokens.put(token)
    _record(records, CREATED, token, now)
    return token, text


def revoke(records: Records, token_id: str, now: Millis) -> Token:
    """Ends a token for good; one that was revoked before stays as it is.

    Raises:
        NotFoundError: there is none of that id.
    """
    token = records.tokens.get(token_id)
    if token is None:
        raise NotFoundError(f"There is no token {token_id}.", "homeport token list ENV names them.")
    if token.revoked_at is None:
        token = replace(token, revoked_at=now)
        records.tokens.put(token)
        _record(records, REVOKED, token, now)
    return token


def in_order(tokens: Sequence[Token]) -> list[Token]:
    """The order of lists: the oldest first."""
    return sorted(tokens, key=lambda one: (one.created_at, one.id))


def is_like_token(text: str) -> bool:
    """Whether a text holds something that could be a token, also a broken one."""
    return "hpt" in text and _LIKE_A_TOKEN.search(text) is not None


def hidden(text: str) -> str:
    """The text without whatever could be a token, for logs."""
    return _LIKE_A_TOKEN.sub(f"{PREFIX}…", text) if "hpt" in text else text


def _record(records: Records, kind: str, token: Token, now: Millis) -> None:
    data = {"name": token.name, "scope": token.scope, "instance_id": token.instance_id}
    events.record(records, kind, now, subject=token.id, data=data)


def _base62(number: int, width: int) -> str:
    """The last so many digits of a number; 6 bytes are more than 8 digits hold, and none the worse for it."""
    digits = []
    for _ in range(width):
        number, digit = divmod(number, len(_ALPHABET))
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))
