"""A message from the environment itself to everybody, written beside a running server or without one."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

from homeport.coordination import messages
from homeport.coordination.messages import Draft
from homeport.coordination.store import Store
from homeport.coordination.values import MAX_BODY, MAX_TITLE, RandomIds
from homeport.server.beside import with_store

SENDER: Final = "homeport"


def announce(data_directory: Path, environment: str, subject: str, body: str) -> str:
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

    return with_store(data_directory, environment, write)
