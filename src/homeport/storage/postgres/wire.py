"""What the servers of a database tell each other beside the records: rows that nobody keeps, and a bell for each.

A table and not the bell's own text: who may not read the records may not hear this either, and who may not write them
cannot say it. It is unlogged: after a crash of the database it is empty, and nobody misses what was in it.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final

import psycopg

from homeport.contract import DatabaseAddress
from homeport.errors import CannotStartError, UnavailableError
from homeport.storage.closed import closed
from homeport.storage.postgres.connection import conninfo, one_line
from homeport.storage.postgres.faults import readable
from homeport.storage.postgres.line import Line
from homeport.storage.postgres.locks import WIRE
from homeport.storage.sql.database import Row
from homeport.whereabouts import named

TABLE: Final = "homeport_wire"
TELL_SECONDS: Final = 5.0
KEPT: Final = "1 minute"
_SWEEP_EVERY: Final = 100
"""Tellings."""

MAKE: Final = f"""
    CREATE UNLOGGED TABLE IF NOT EXISTS {TABLE} (
        id BIGINT GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_{TABLE} PRIMARY KEY,
        at TIMESTAMPTZ NOT NULL DEFAULT now(),
        sender TEXT NOT NULL,
        text TEXT NOT NULL
    )
"""
_TELL: Final = f"""
    WITH told AS (INSERT INTO {TABLE} (sender, text) VALUES (%s, %s) RETURNING id)
    SELECT pg_notify('{WIRE}', id::text) FROM told
"""  # noqa: S608 - made of constants
_HEAR: Final = f"SELECT text FROM {TABLE} WHERE id = ANY(%s) AND sender <> %s ORDER BY id"  # noqa: S608 - as above
_SWEEP: Final = f"DELETE FROM {TABLE} WHERE at < now() - INTERVAL '{KEPT}'"  # noqa: S608 - as above

Heard = Callable[[str], None]

_log = logging.getLogger(__name__)


class Wire:
    """One server's end of it.

    Args:
        address: the database.

    Attributes:
        me: what this server is called among the others, from its start to its end.
    """

    def __init__(self, address: DatabaseAddress) -> None:
        self.me = secrets.token_hex(6)
        self._address = address
        self._line: Line | None = None
        self._turn = asyncio.Lock()
        self._listeners: list[tuple[Heard, Callable[[], None]]] = []
        self._told = 0
        self._closed = False

    def hear(self, heard: Heard, missed: Callable[[], None]) -> None:
        """Calls ``heard`` with what others tell, and ``missed`` whenever something may have been told unheard.

        Both are called in the event loop and must return at once.
        """
        self._listeners.append((heard, missed))

    async def tell(self, text: str) -> None:
        """Tells all others that listen now.

        Raises:
            UnavailableError: the database cannot be reached, or this end is closed.
        """
        try:
            async with asyncio.timeout(TELL_SECONDS):
                await self._execute(_TELL, (self.me, text))
                self._told += 1
                if self._told % _SWEEP_EVERY == 1:
                    await self._execute(_SWEEP)
        except TimeoutError:
            raise UnavailableError(f"{named(self._address)} did not answer in time.") from None
        except psycopg.Error as error:
            raise readable(error, named(self._address)) from error

    async def rang(self, numbers: Sequence[int]) -> None:
        """The bell of :data:`~homeport.storage.postgres.locks.WIRE` rang for these rows."""
        if not self._listeners:
            return
        try:
            async with asyncio.timeout(TELL_SECONDS):
                rows = await self._execute(_HEAR, (list(numbers), self.me))
        except (psycopg.Error, TimeoutError, UnavailableError) as error:
            _log.warning("what another server said was not heard: %s", one_line(error) or "no answer in time")
            self.gap()
            return
        for (text,) in rows:
            for heard, _ in self._listeners:
                heard(text)

    def gap(self) -> None:
        """Something may have been told while nobody listened."""
        for _, missed in self._listeners:
            missed()

    async def close(self) -> None:
        """Lets go of the connection; nothing more is told."""
        self._closed = True
        async with self._turn:
            await self._let_go()

    async def _execute(self, statement: str, values: Sequence[Any] | None = None) -> list[Row]:
        async with self._turn:
            if self._closed:
                raise closed()
            try:
                try:
                    return await self._run(statement, values)
                except psycopg.OperationalError:
                    # Most often the connection was an old one. What was told twice is heard twice, and does no harm.
                    await self._let_go()
                    return await self._run(statement, values)
            except asyncio.CancelledError:
                # In the middle of a statement: what its connection does next is anybody's guess.
                await self._let_go()
                raise

    async def _run(self, statement: str, values: Sequence[Any] | None) -> list[Row]:
        if self._line is None or self._line.closed:
            self._line = await Line.connect(await self._info())
        return await self._line.ask(statement, values)

    async def _info(self) -> str:
        try:
            return await asyncio.to_thread(conninfo, self._address)
        except CannotStartError as error:
            # It did start: what has become of the file since, somebody may mend while it runs.
            raise UnavailableError(error.sentence, error.hint) from error

    async def _let_go(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            with suppress(psycopg.Error):
                await line.close()
