"""What a server does without being asked: leases that ended, answers that need no longer be remembered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from homeport.coordination import claims, oauth, watches
from homeport.coordination.store import Records, Store
from homeport.coordination.values import Millis
from homeport.errors import CallError
from homeport.transports.log import Log

LEASES_SECONDS: Final = 10.0
DAY: Final[Millis] = 24 * 60 * 60 * 1000
ANSWERS_KEPT: Final[Millis] = 7 * DAY
"""How long a call with an idempotency key may be repeated."""
_BATCH: Final = 100
_STEPS: Final = 200
"""Of tidying in one round: some seconds, a few milliseconds each."""


class Upkeep:
    """Keeps the records in order.

    Args:
        store: of the records.
        clock: milliseconds since the epoch.
        log: learns of failures; the next round tries again.
    """

    def __init__(self, store: Store, clock: Callable[[], Millis], log: Log) -> None:
        self._store = store
        self._clock = clock
        self._log = log
        self._forgot_at: Millis = 0

    async def run(self) -> None:
        """Works until it is cancelled."""
        while True:
            try:
                await self.once()
            except CallError as error:
                self._log.event("warning", "upkeep was refused", error=str(error))
            except Exception as error:  # noqa: BLE001 - one bad round must not end all rounds
                self._log.failure("upkeep failed", error)
            await asyncio.sleep(LEASES_SECONDS)

    async def once(self) -> None:
        """One round. It writes only where there is something to write."""
        now = self._clock()
        while await self._store.read(lambda records: bool(records.tasks.expired(now, 1))):
            ended = await self._store.write(lambda records: claims.end_leases(records, now, _BATCH))
            if not ended:
                break
        for _ in range(_STEPS):
            if not await self._store.tidy():
                break
        if now - self._forgot_at >= DAY:
            await self._store.write(lambda records: _forget(records, now))
            self._forgot_at = now


def _forget(records: Records, now: Millis) -> None:
    """What need not be remembered any longer."""
    records.answers.forget(now - ANSWERS_KEPT)
    oauth.tidy(records, now)
    watches.forget(records, now)
