"""A message from the environment itself to everybody, written beside a running server or without one."""

from __future__ import annotations

import time
from typing import Final

from homeport.coordination import messages
from homeport.coordination.messages import Draft
from homeport.coordination.store import Store
from homeport.coordination.values import MAX_BODY, MAX_TITLE, RandomIds
from homeport.server.beside import with_store
from homeport.server.opening import DataPlace

SENDER: Final = "homeport"


def announce(place: DataPlace, subject: str, body: str) -> str:
    """See :func:`homeport.server.announce`."""
    now = time.time_ns() // 1_000_000
    draft = Draft(
        SENDER, "all", subject[:MAX_TITLE], body[:MAX_BODY], priority="high", type="alert", tags=("homeport",)
    )

    async def write(store: Store) -> str:
        try:
            sent = await store.write(lambda records: messages.send(records, draft, RandomIds(), now))
            return sent.message.id
        finally:
            await store.close()

    return with_store(place, write)
