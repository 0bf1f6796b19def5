"""Signs of life for the service manager, which restarts a server that gives none.

A sign is sent only while the event loop turns and the store answers a read. A store that answers with an error is no
reason to be restarted, nor is a disk that takes long to keep a write: no restart mends those, and ``/health`` tells
of them. A store that does not answer at all is one, unless it waits for a database: that one answers to no restart of
this server, which would end all that its clients have begun here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from homeport.coordination.store import Store
from homeport.errors import CallError
from homeport.transports.log import Log

_EVERY: Final = 0.5
_PATIENCE: Final = 0.25
"""Parts of the manager's time: between two signs, and for one answer of the store. Together less than the whole."""


class Watchdog:
    """Sends the signs.

    Args:
        seconds: after which the manager gives up.
        store: must answer; None where a database on a server of its own is what answers, or does not.
        beat: sends one.
        log: learns when none is sent.
    """

    def __init__(self, seconds: float, store: Store | None, beat: Callable[[], object], log: Log) -> None:
        self._seconds = seconds
        self._store = store
        self._beat = beat
        self._log = log

    async def run(self) -> None:
        """Runs until it is cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + self._seconds * _EVERY
            await self.once()
            await asyncio.sleep(max(0.0, due - loop.time()))

    async def once(self) -> None:
        """Sends one sign, if all is as it should be."""
        if self._store is not None and not await self._answers(self._store):
            return
        self._beat()

    async def _answers(self, store: Store) -> bool:
        try:
            async with asyncio.timeout(self._seconds * _PATIENCE):
                await store.read(lambda records: records.events.last())
        except TimeoutError:
            self._log.event("error", "the store does not answer", withheld="the watchdog's sign of life")
            return False
        except CallError:
            pass  # An answer, though a bad one; /health has it.
        except Exception as error:  # noqa: BLE001 - as above, and the watch goes on
            self._log.failure("the store failed", error)
        return True
