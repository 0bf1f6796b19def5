"""What a server does besides answering: upkeep of its data, and telling webhooks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from homeport.coordination.store import Store
from homeport.coordination.values import Millis
from homeport.server.posting import Poster
from homeport.server.upkeep import Upkeep
from homeport.server.webhooks import WebhookSender
from homeport.transports.log import Log


@asynccontextmanager
async def in_turn(take_turns: Callable[[], Coroutine[Any, Any, None]]) -> AsyncIterator[None]:
    """Runs what takes turns with other servers while the block runs."""
    task = asyncio.create_task(take_turns())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


@asynccontextmanager
async def errands(
    store: Store, environment: str, clock: Callable[[], Millis], log: Log, *, rehearsal: bool = False
) -> AsyncIterator[None]:
    """Runs them while the block runs.

    Args:
        store: whose data.
        environment: told to webhooks.
        clock: milliseconds since the epoch.
        log: learns of what was done and what failed.
        rehearsal: nobody outside may notice it: no webhook is called.
    """
    poster = Poster()
    tasks = [asyncio.create_task(Upkeep(store, clock, log).run())]
    if not rehearsal:
        tasks.append(asyncio.create_task(WebhookSender(store, environment, poster.post, clock, log).run()))
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await poster.close()
