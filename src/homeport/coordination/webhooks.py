"""Webhooks: addresses that are told what happens, signed, in order, again until they answer.

The signature follows the Standard Webhooks specification (https://www.standardwebhooks.com): a receiver checks
it with any of that specification's libraries.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final
from urllib.parse import SplitResult, urlsplit

from homeport.coordination.events import Event
from homeport.coordination.values import MAX_ITEMS, Millis, checked_text
from homeport.errors import ConflictError, InvalidError, NotFoundError
from homeport.secret import Secret

if TYPE_CHECKING:
    from homeport.coordination.store import Records

SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - how every secret begins
MAX_WEBHOOKS: Final = MAX_ITEMS
MAX_URL: Final = 2000

BACKOFF: Final[tuple[Millis, ...]] = (1_000, 5_000, 30_000, 120_000, 600_000, 1_800_000, 3_600_000, 7_200_000)
"""How long after each failure in a row it is tried again; after the last of them the webhook is parked."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """Somebody who wants to be told.

    ``kinds`` are kinds of events or nouns, none for all. ``position`` is the ``seq`` of the last event that
    was accepted. A parked webhook is not tried until somebody resumes it; nothing is lost meanwhile.
    """

    id: str
    url: str
    secret: Secret
    created_at: Millis
    position: int
    kinds: tuple[str, ...] = ()
    failures: int = 0
    next_attempt_at: Millis = 0
    parked_at: Millis | None = None
    last_error: str | None = None

    def wants(self, event: Event) -> bool:
        """Whether it is told of an event."""
        return not self.kinds or event.kind in self.kinds or event.kind.partition(".")[0] in self.kinds


def checked_url(url: str) -> str:
    """An address that requests can go to.

    Raises:
        InvalidError: not http or https, without a host, or with a user and password in it.
    """
    checked_text(url, "url", MAX_URL)
    parts = _parts(url)
    if parts is None or not url.isascii() or any(letter.isspace() for letter in url):
        raise InvalidError("url: it is not an http or https address.", "Write it as https://host/path.")
    if "@" in parts.netloc:
        raise InvalidError("url: it carries a password.", "Leave it out: calls are signed with the webhook's secret.")
    return url


def _parts(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    return parts if sound else None


def add(records: Records, webhook: Webhook) -> Webhook:
    """Stores a webhook.

    Raises:
        InvalidError: its address cannot be.
        ConflictError: there are as many as there may be.
    """
    checked_url(webhook.url)
    if len(records.webhooks.all()) >= MAX_WEBHOOKS:
        raise ConflictError(f"There are {MAX_WEBHOOKS} webhooks.", "Delete one that is not needed.")
    records.webhooks.put(webhook)
    return webhook


def required(records: Records, webhook_id: str) -> Webhook:
    """The webhook of that id.

    Raises:
        NotFoundError: there is none.
    """
    found = records.webhooks.get(webhook_id)
    if found is None:
        raise NotFoundError(f"id: no webhook {webhook_id!r}.", "Call list_webhooks.")
    return found


def accepted(webhook: Webhook, seq: int) -> Webhook:
    """After its receiver took all events up to one."""
    return replace(webhook, position=seq, failures=0, next_attempt_at=0, last_error=None)


def refused(webhook: Webhook, error: str, now: Millis) -> Webhook:
    """After an attempt failed: tried again later, or parked when that was the last time."""
    failures = webhook.failures + 1
    if failures > len(BACKOFF):
        return replace(webhook, failures=failures, parked_at=now, last_error=error[:500])
    return replace(webhook, failures=failures, next_attempt_at=now + BACKOFF[failures - 1], last_error=error[:500])


def resumed(webhook: Webhook) -> Webhook:
    """Tried again from where it stopped."""
    return replace(webhook, failures=0, next_attempt_at=0, parked_at=None)


def new_secret(random: bytes) -> Secret:
    """A secret in the form of the specification, of 24 to 64 random bytes."""
    return Secret(SECRET_PREFIX + base64.b64encode(random).decode())


def signature(secret: Secret, message_id: str, seconds: int, body: bytes) -> str:
    """The ``webhook-signature`` of a call: ``v1,`` and the base64 of an HMAC-SHA256."""
    key = base64.b64decode(secret.reveal().removeprefix(SECRET_PREFIX))
    signed = f"{message_id}.{seconds}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
