"""The ``Store`` on a PostgreSQL database."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Final, TypeVar

import psycopg

from homeport.contract import DatabaseAddress
from homeport.coordination.events import Event, EventFilter
from homeport.coordination.store import Listener, Records
from homeport.errors import UnavailableError
from homeport.storage.announcer import Announcer
from homeport.storage.postgres.bell import Bell
from homeport.storage.postgres.connection import Limits, connect
from homeport.storage.postgres.faults import migrated
from homeport.storage.postgres.locks import SERVING
from homeport.storage.postgres.migrating import is_migrating
from homeport.storage.postgres.readers import Readers
from homeport.storage.postgres.standing import Standing
from homeport.storage.postgres.wire import Wire
from homeport.storage.postgres.writer import PIECE, Writer
from homeport.storage.sql.database import Row
from homeport.storage.sql.probing import count, count_up, own
from homeport.whereabouts import named

T = TypeVar("T")

PROBE_SECONDS: Final = 3.5
ASK_SECONDS: Final = 1.2
"""For a proof, and for the reason why there is none: together shorter than whoever asks for a proof waits for it."""
LOCK_SECONDS: Final = 5
"""For the turn to write; shorter than works wait, so that whether somebody migrates is asked in between."""


class PostgresStore:
    """See :class:`homeport.coordination.store.Store`; :func:`~homeport.storage.postgres.open_store` makes one.

    Args:
        address: a database of a schema that this version can live with.
        standing: what it was when it was opened.
        last: the ``seq`` of an event; listeners that come before the first look know all up to it.

    Attributes:
        wire: to the other servers of the database.
    """

    def __init__(self, address: DatabaseAddress, standing: Standing, last: int) -> None:
        self._address = address
        self._place = named(address)
        self._standing = standing
        self._last = last
        self._readers = Readers(address, self._place, standing)
        self._announcer = Announcer(lambda: self._last)
        self._writer = Writer(
            partial(_connect, address, standing), partial(is_migrating, address), self._place, self._announcer, standing
        )
        self.wire = Wire(address)
        self._bell = Bell(address, self._catch_up, lambda: self._announcer.told, self.wire)
        self._closed = False
        # What is new is followed from the beginning: to ask where it stands would hold up whoever begins to listen.
        self._announcer.listen(lambda _: None)
        self._bell.start()

    @property
    def schema_version(self) -> str:
        # Another machine's deploy may have brought it forward since.
        return self._standing.revision

    @property
    def longest_wait(self) -> float:
        """Seconds that calls wait for a database that is away, before they are refused."""
        return self._writer.longest_wait

    @longest_wait.setter
    def longest_wait(self, seconds: float) -> None:
        self._writer.longest_wait = self._readers.longest_wait = seconds

    async def read(self, work: Callable[[Records], T]) -> T:
        return await self._readers.read(work)

    async def scan(self, work: Callable[[Records], T]) -> T:
        return await self._readers.scan(work)

    async def write(self, work: Callable[[Records], T]) -> T:
        return await self._writer.write(work)

    async def probe(self) -> None:
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                written = await self._writer.write(count_up)
                found = await self._readers.read(count)
        except TimeoutError:
            raise self._writer.fault or await self._late() from None
        if found < written:
            raise UnavailableError(
                f"{self._place} does not give back what was just written.",
                "The address must be that of the server that is written to, not of a standby.",
            )

    async def _late(self) -> UnavailableError:
        """Why a proof takes too long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(ASK_SECONDS):
                if await asyncio.to_thread(is_migrating, self._address):
                    return migrated(self._place)
        return UnavailableError(f"{self._place[0].upper()}{self._place[1:]} did not answer for {PROBE_SECONDS} s.")

    async def tidy(self) -> bool:
        # PostgreSQL does it by itself: autovacuum.
        return False

    async def size(self) -> int | None:
        try:
            return await self._readers.read(_size)
        except UnavailableError:
            return None

    def listen(self, listener: Listener) -> Callable[[], None]:
        return self._announcer.listen(listener)

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        await self._bell.stop()
        await self.wire.close()
        await self._writer.close()
        await self._readers.close()

    async def _catch_up(self) -> None:
        """Tells of events that other servers wrote."""
        while True:
            events = await self._readers.read(partial(_after, self._announcer.told))
            self._announcer.tell(events)
            if len(events) < PIECE:
                return


def _connect(address: DatabaseAddress, standing: Standing) -> psycopg.Connection[Row]:
    """A connection for writing. While it is there, nobody else has the database for himself."""
    connection = connect(address, Limits(statement=60, lock=LOCK_SECONDS))
    try:
        connection.execute(f"SELECT pg_advisory_lock_shared({SERVING})")
        standing.check_database(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _size(records: Records) -> int:
    [(found,)] = own(records).database.execute("SELECT pg_database_size(current_database())").fetchall()
    return int(found)


def _after(told: int, records: Records) -> Sequence[Event]:
    return records.events.select(EventFilter(), told, PIECE)
