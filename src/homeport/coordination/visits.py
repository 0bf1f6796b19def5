"""Visits: a person's browser that signed in with a token once, and is known by a secret of its own from then on.

A visit is a grant, as OAuth's clients get them: it may what its token may, ends with that token, and with itself when
the person signs out. What the browser keeps has the form of a token, so that whatever knows tokens knows it, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from homeport.coordination import events, oauth, tokens
from homeport.coordination.oauth import DAY, Credential, Grant
from homeport.coordination.tokens import Token
from homeport.coordination.values import Millis
from homeport.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Sequence

    from homeport.coordination.store import Records

CLIENT: Final = "homeport-page"
"""What a visit's grant has as its client."""
LASTS: Final[Millis] = 30 * DAY


def begin(
    records: Records, shown: Secret, browser: str, grant_id: str, secret: Secret, environment: str, now: Millis
) -> tuple[Grant, Token]:
    """Signs a person in.

    Args:
        records: where it is kept.
        shown: the token's text.
        browser: how the person will know it in a list, such as "Firefox on Linux".
        grant_id: a new id.
        secret: what the browser will show; minted for this environment.
        environment: of this server.
        now: the time.

    Raises:
        UnauthorizedError: the token is none, or not good (any more); what a visit or a client was given is none.
    """
    token_id = tokens.id_of(shown.reveal(), environment)
    token = tokens.judge(records.tokens.get(token_id), tokens.digest(shown.reveal()), environment, now)
    made = Grant(grant_id, CLIENT, browser, token.id, token.scope, now)
    records.oauth.put_grant(made)
    digest = oauth.digest(secret.reveal())
    records.oauth.put_credential(Credential(digest, "access", made.id, CLIENT, token.scope, now, now + LASTS))
    data = {"client": browser, "client_id": CLIENT, "token_id": token.id, "scope": token.scope}
    events.record(records, oauth.GRANTED, now, subject=made.id, data=data)
    return made, token


def of(records: Records, secret: Secret, now: Millis) -> Grant | None:
    """The visit of a browser that shows this; None where it opens nothing."""
    found = oauth.bearer(records, oauth.digest(secret.reveal()), now)
    return found[0] if found is not None and found[0].client_id == CLIENT else None


def open_ones(records: Records, token_id: str, now: Millis) -> Sequence[Grant]:
    """All visits in a token's name, the oldest first."""
    found = records.oauth.grants_of(token_id)
    return [one for one in found if one.client_id == CLIENT and one.ended_at is None and now < one.created_at + LASTS]


def end_all(records: Records, token_id: str, now: Millis) -> int:
    """Signs out everywhere; says of how many browsers."""
    open_now = open_ones(records, token_id, now)
    for one in open_now:
        oauth.end(records, one.id, now)
    return len(open_now)
