"""Hears that another server has written something: ``LISTEN``, on a connection of its own.

A bell says the number of the last event. Whoever knows that one already, as the server that wrote it, does not look.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from typing import Final

import psycopg

from homeport.contract import DatabaseAddress
from homeport.errors import HomeportError
from homeport.storage.postgres.connection import conninfo, one_line
from homeport.storage.postgres.locks import CHANNEL, WIRE
from homeport.storage.postgres.wire import Wire

LOOK_SECONDS: Final = 5
"""What nobody rang for, since the connection was lost, is found after that time at the latest."""
REST_SECONDS: Final = 0.01
"""Between two looks: under load, one finds what many bells rang for."""
PAUSE: Final = 0.5
_NUMBER: Final = re.compile(r"[0-9]{1,19}")
"""All that a server says; every role that may connect can say something else."""

_log = logging.getLogger(__name__)


class Bell:
    """Calls ``look`` whenever there may be something new, and once it listens.

    Args:
        address: the database.
        look: reads what is new; what it raises is logged.
        told: the number of the last event that is known here.
        wire: is told what other servers say.
    """

    def __init__(
        self, address: DatabaseAddress, look: Callable[[], Awaitable[None]], told: Callable[[], int], wire: Wire
    ) -> None:
        self._address = address
        self._look = look
        self._told = told
        self._wire = wire
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
        said = ""
        while True:
            try:
                info = await asyncio.to_thread(conninfo, self._address)
                connection = await psycopg.AsyncConnection.connect(info, autocommit=True)
                async with connection:
                    await connection.execute(f"LISTEN {CHANNEL}; LISTEN {WIRE}")
                    self._wire.gap()
                    while True:
                        await self._look()
                        said = ""
                        await asyncio.sleep(REST_SECONDS)
                        await self._rung(connection)
            except Exception as error:  # noqa: BLE001 - who stopped listening would hear nothing until its restart
                reason = one_line(error) or type(error).__name__
                if reason != said:
                    foreseen = isinstance(error, psycopg.Error | HomeportError | OSError)
                    traced = None if foreseen else error
                    _log.warning("cannot listen to the database for the moment: %s", reason, exc_info=traced)
                    said = reason
            await asyncio.sleep(PAUSE)

    async def _rung(self, connection: psycopg.AsyncConnection) -> None:
        """Returns when a bell tells of something that is not known here, or when it is time to look all the same."""
        loop = asyncio.get_running_loop()
        end = loop.time() + LOOK_SECONDS
        while (left := end - loop.time()) > 0:
            rung = [one async for one in connection.notifies(timeout=left, stop_after=1)]
            numbers = [(one.channel, int(one.payload)) for one in rung if _NUMBER.fullmatch(one.payload)]
            said = [number for channel, number in numbers if channel == WIRE]
            if said:
                await self._wire.rang(said)
            if any(channel == CHANNEL and number > self._told() for channel, number in numbers):
                return
