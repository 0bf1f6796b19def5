"""What sessions of older clients subscribed to: kept, so that a restart of the server forgets none of it.

A session is kept under the digest of its id and of whose it is: who reads the data learns no id that would open one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from homeport.coordination.values import Millis
from homeport.errors import LimitedError

if TYPE_CHECKING:
    from homeport.coordination.store import Records

KEPT: Final[Millis] = 24 * 60 * 60 * 1000
"""After its session was last seen."""
MAX_KEPT: Final = 10_000
"""Of all sessions of one client."""


def name_of(caller: str, session_id: bytes) -> str:
    """Under what a session is kept."""
    return hashlib.sha256(b"%b\0%b" % (caller.encode(), session_id)).hexdigest()


def keep(records: Records, client: str, session: str, uri: str, now: Millis) -> None:
    """Keeps one subscription.

    Args:
        records: all records.
        client: whom it counts for.
        session: its :func:`name_of`.
        uri: what is watched.
        now: the time.

    Raises:
        LimitedError: this client has as many as it may.
    """
    if records.watches.count(client) >= MAX_KEPT:
        raise LimitedError(
            f"The sessions of this client watch {MAX_KEPT} resources, as many as they may.",
            "Unsubscribe from some, or end sessions that are over.",
        )
    records.watches.put(client, session, uri, now)


def seen(records: Records, sessions: Sequence[str], now: Millis) -> None:
    """Notes that sessions are still there."""
    for session in sessions:
        records.watches.touch(session, now)


def forget(records: Records, now: Millis) -> None:
    """Forgets those of sessions that nobody came back to."""
    records.watches.forget(now - KEPT)
