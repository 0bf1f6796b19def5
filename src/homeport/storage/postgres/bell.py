"""Hears that a server, this or another one, has written something: ``LISTEN``, on a connection of its own."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

import psycopg

from homeport.contract import DatabaseAddress
from homeport.errors import HomeportError
from homeport.storage.postgres.connection import conninfo, one_line
from homeport.storage.postgres.locks import CHANNEL

LOOK_SECONDS: Final = 5
"""What nobody rang for, since the connection was lost, is found after that time at the latest."""
PAUSE: Final = 0.5

_log = logging.getLogger(__name__)


class Bell:
    """Calls ``look`` whenever there may be something new, and once it listens.

    Args:
        address: the database.
        look: reads what is new; what it raises of ours is logged.
    """

    def __init__(self, address: DatabaseAddress, look: Callable[[], Awaitable[None]]) -> None:
        self._address = address
        self._look = look
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins to listen, once."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Ends it."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        while True:
            try:
                info = await asyncio.to_thread(conninfo, self._address)
                connection = await psycopg.AsyncConnection.connect(info, autocommit=True)
                async with connection:
                    await connection.execute(f"LISTEN {CHANNEL}")
                    while True:
                        await self._look()
                        async for _ in connection.notifies(timeout=LOOK_SECONDS, stop_after=1):
                            pass
            except (psycopg.Error, HomeportError, OSError) as error:
                _log.warning("cannot listen to the database for the moment: %s", one_line(error))
            await asyncio.sleep(PAUSE)
