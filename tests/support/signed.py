"""Webhooks as forges send them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any, Final

SECRET: Final = "a secret of webhooks that nobody guesses"
KEY: Final = b"0123456789abcdef0123456789abcdef"
SIGNING_SECRET: Final = "whsec_" + base64.b64encode(KEY).decode()


def push_body(branch: str = "main", commit: str = "a" * 40, **more: Any) -> bytes:
    """What all of them send of a push, as far as we read it."""
    return json.dumps({"ref": f"refs/heads/{branch}", "before": "0" * 40, "after": commit, **more}).encode()


def digest(body: bytes, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def github(body: bytes, delivery: str = "d-1", secret: str = SECRET) -> dict[str, str]:
    return {
        "X-GitHub-Event": "push",
        "X-GitHub-Delivery": delivery,
        "X-Hub-Signature-256": f"sha256={digest(body, secret)}",
        "Content-Type": "application/json",
    }


def gitea(body: bytes, delivery: str = "d-1", secret: str = SECRET) -> dict[str, str]:
    """Gitea sends GitHub's headers besides its own."""
    own = {"X-Gitea-Event": "push", "X-Gitea-Delivery": delivery, "X-Gitea-Signature": digest(body, secret)}
    return {**github(body, delivery, secret), **own}


def forgejo(body: bytes, delivery: str = "d-1", secret: str = SECRET) -> dict[str, str]:
    own = {"X-Forgejo-Event": "push", "X-Forgejo-Delivery": delivery, "X-Forgejo-Signature": digest(body, secret)}
    return {**gitea(body, delivery, secret), **own}


def gitlab(body: bytes, delivery: str = "d-1", secret: str = SECRET) -> dict[str, str]:
    """The older form: the secret itself."""
    return {"X-Gitlab-Event": "Push Hook", "Idempotency-Key": delivery, "X-Gitlab-Token": secret}


def gitlab_signed(body: bytes, delivery: str = "d-1", at: float = 0, key: bytes = KEY) -> dict[str, str]:
    """The newer form, of the Standard Webhooks specification."""
    signed = b".".join((delivery.encode(), str(int(at)).encode(), body))
    signature = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return {
        "X-Gitlab-Event": "Push Hook",
        "Idempotency-Key": delivery,
        "webhook-id": delivery,
        "webhook-timestamp": str(int(at)),
        "webhook-signature": f"v1,AAAA v1,{signature}",
    }
