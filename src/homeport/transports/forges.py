"""Webhooks of GitHub, GitLab, Gitea and Forgejo: whether one is really from there, and what was pushed. Pure."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from homeport.contract.pushes import BRANCH_NAME, COMMIT_NAME
from homeport.errors import InvalidError, UnauthorizedError
from homeport.secret import Secret
from homeport.transports import jsonrpc

TOLERANCE: Final = 300.0
"""Seconds that a signed time may differ from ours, as the Standard Webhooks specification has it."""
_KEY_PREFIX: Final = "whsec_"
_BRANCH: Final = re.compile(BRANCH_NAME)
_COMMIT: Final = re.compile(COMMIT_NAME)
_HEADS: Final = "refs/heads/"
_PUSHES: Final = ("push", "Push Hook")
_EVENTS: Final = (b"x-gitea-event", b"x-forgejo-event", b"x-gitlab-event", b"x-github-event")
_DELIVERIES: Final = (
    *(b"webhook-id", b"x-gitea-delivery", b"x-forgejo-delivery", b"x-github-delivery"),
    *(b"idempotency-key", b"x-gitlab-event-uuid"),
)

Headers = Mapping[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Delivery:
    """A webhook whose signature is good.

    Attributes:
        forge: whose form it has.
        event: what it is about, in the forge's word.
        id: the forge's name for this delivery; empty where it gives none.
    """

    forge: str
    event: str
    id: str

    @property
    def is_push(self) -> bool:
        """Whether it tells of a push."""
        return self.event in _PUSHES


@dataclass(frozen=True, slots=True)
class Pushed:
    """What was pushed: all that is taken from the body."""

    branch: str
    commit: str


def judge(headers: Headers, body: bytes, secret: Secret, now: float) -> Delivery:
    """Whether whoever sent this knows the secret.

    Args:
        headers: lower case.
        body: as it came.
        secret: what the forge signs with.
        now: seconds since the epoch.

    Raises:
        UnauthorizedError: it is not signed, or not with this secret, or too long ago.
    """
    forge = _forge(headers, body, secret, now)
    event = next((_text(headers[name]) for name in _EVENTS if name in headers), "")
    delivery = next((_text(headers[name]) for name in _DELIVERIES if name in headers), "")
    return Delivery(forge, event, delivery[:200])


def read_push(body: bytes) -> Pushed | None:
    """The branch and the commit of a push; None where no branch has a new commit by it.

    Raises:
        InvalidError: it is no such body.
    """
    try:
        found = jsonrpc.parse(body)
    except jsonrpc.MalformedError as error:
        raise InvalidError(
            f"The webhook's body is not JSON: {error}", "Choose application/json at the forge."
        ) from None
    ref, commit = (found.get("ref"), found.get("after")) if isinstance(found, dict) else (None, None)
    if not isinstance(ref, str) or not isinstance(commit, str):
        raise InvalidError("The webhook's body names no ref and no commit.", "It is for push events.")
    if not ref.startswith(_HEADS) or not commit.strip("0"):
        return None
    branch = ref.removeprefix(_HEADS)
    if not _BRANCH.fullmatch(branch) or ".." in branch or not _COMMIT.fullmatch(commit):
        raise InvalidError("The webhook names a branch or a commit that git has no such names for.")
    return Pushed(branch, commit)


def _forge(headers: Headers, body: bytes, secret: Secret, now: float) -> str:
    """Whose signature it is. The strongest form that is there decides; a bad one is not mended by a weaker one."""
    if b"webhook-signature" in headers:
        _check(_is_standard(headers, body, secret, now))
        return "gitlab"
    if b"x-gitlab-token" in headers:
        _check(hmac.compare_digest(headers[b"x-gitlab-token"], secret.reveal().encode()))
        return "gitlab"
    digest = hmac.new(secret.reveal().encode(), body, hashlib.sha256).hexdigest().encode()
    for name, forge in ((b"x-forgejo-signature", "forgejo"), (b"x-gitea-signature", "gitea")):
        if name in headers:
            _check(hmac.compare_digest(headers[name], digest))
            return forge
    if b"x-hub-signature-256" in headers:
        _check(hmac.compare_digest(headers[b"x-hub-signature-256"], b"sha256=" + digest))
        return "github"
    raise UnauthorizedError(
        "The webhook is not signed.", "Give the forge the secret of this environment (follow.webhook_secret)."
    )


def _is_standard(headers: Headers, body: bytes, secret: Secret, now: float) -> bool:
    """The Standard Webhooks specification: id, time and body are signed, with one of several signatures."""
    stamp = headers.get(b"webhook-timestamp", b"")
    if not stamp.isdigit() or len(stamp) > 12 or abs(now - int(stamp)) > TOLERANCE:
        return False
    signed = b".".join((headers.get(b"webhook-id", b""), stamp, body))
    wanted = base64.b64encode(hmac.new(_key(secret), signed, hashlib.sha256).digest())
    given = [one.removeprefix(b"v1,") for one in headers[b"webhook-signature"].split(b" ") if one.startswith(b"v1,")]
    # All of them are compared, so that the time says nothing of which one was near.
    return bool(sum(hmac.compare_digest(one, wanted) for one in given))


def _key(secret: Secret) -> bytes:
    text = secret.reveal()
    if text.startswith(_KEY_PREFIX):
        try:
            return base64.b64decode(text.removeprefix(_KEY_PREFIX), validate=True)
        except binascii.Error:
            pass
    return text.encode()


def _check(good: bool) -> None:  # noqa: FBT001 - it is the answer that is checked
    if not good:
        raise UnauthorizedError(
            "The webhook's signature is not this environment's.",
            "The forge and follow.webhook_secret must have the same secret, and the clocks the same time.",
        )


def _text(value: bytes) -> str:
    return value.decode("latin-1").strip()
