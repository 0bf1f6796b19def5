"""Connections that read: a pool for short work and one for long work, which never wait for each other."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Final, TypeVar

import psycopg
from psycopg import errors
from psycopg_pool import ConnectionPool, PoolTimeout

from homeport.contract import DatabaseAddress
from homeport.coordination.store import Records
from homeport.storage.closed import closed
from homeport.storage.postgres.connection import Limits, PostgresDatabase, conninfo, set_up
from homeport.storage.postgres.dialect import records
from homeport.storage.postgres.faults import is_passing, readable
from homeport.storage.postgres.migrating import is_migrating
from homeport.storage.postgres.standing import SCHEMA, Standing
from homeport.storage.sql.database import Row
from homeport.storage.sql.records import SqlRecords

T = TypeVar("T")

READS: Final = 4
SCANS: Final = 2
"""How many works of each kind run at a time, each on a connection of its own."""
LONGEST_WAIT: Final = 10.0
"""Seconds that a read waits for a database that is away, or for a connection to be free; a migration is waited for."""
LOCK_SECONDS: Final = 5
"""For a table that is locked; shorter than that, so that whether somebody migrates is asked in between."""
PAUSE: Final = 0.1
AGAIN_SECONDS: Final = 1.0
"""How long the pool tries to connect by itself, after ever longer pauses; then whoever waits has it begin anew."""

_BEGIN: Final = f"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT {SCHEMA}"

# It says of every try that it failed. Whoever reads is told, and the bell says once why.
logging.getLogger("psycopg.pool").setLevel(logging.ERROR)


class Readers:
    """Runs work that reads, in threads.

    Args:
        address: the database.
        place: what errors call it.
        standing: whether this version can live with what the database is by now.
    """

    def __init__(self, address: DatabaseAddress, place: str, standing: Standing) -> None:
        self._address = address
        self._place = place
        self._reads = _Lane(address, "homeport-read", READS, Limits(statement=30, lock=LOCK_SECONDS), standing)
        self._scans = _Lane(address, "homeport-scan", SCANS, Limits(statement=600, lock=LOCK_SECONDS), standing)
        self._closed = False
        self.longest_wait = LONGEST_WAIT

    async def read(self, work: Callable[[Records], T]) -> T:
        """See :class:`homeport.coordination.store.Store`."""
        return await self._run(self._reads, work)

    async def scan(self, work: Callable[[Records], T]) -> T:
        """See :class:`homeport.coordination.store.Store`."""
        return await self._run(self._scans, work)

    async def close(self) -> None:
        """Finishes what is under way."""
        self._closed = True
        for lane in (self._reads, self._scans):
            await asyncio.get_running_loop().run_in_executor(None, lane.close)

    async def _run(self, lane: _Lane, work: Callable[[Records], T]) -> T:
        if self._closed:
            raise closed()
        return await asyncio.get_running_loop().run_in_executor(lane.threads, self._look, lane, work)

    def _look(self, lane: _Lane, work: Callable[[Records], T]) -> T:
        end = time.monotonic() + self.longest_wait
        while True:
            try:
                return lane.run(work, max(end - time.monotonic(), PAUSE))
            except psycopg.Error as error:
                if isinstance(error, errors.LockNotAvailable) and not self._closed:
                    if is_migrating(self._address):
                        end = time.monotonic() + self.longest_wait
                    if time.monotonic() < end:
                        continue
                # Work that reads may run again; most often the connection was an old one.
                if not is_passing(error) or time.monotonic() >= end:
                    raise readable(error, self._place) from error
            except UnicodeEncodeError as error:
                raise readable(error, self._place) from error
            time.sleep(PAUSE)


class _Connection(psycopg.Connection[Row]):
    """One that goes away with what was made for it."""

    records: SqlRecords | None = None


class _Lane:
    """Some connections, and as many threads."""

    def __init__(self, address: DatabaseAddress, name: str, size: int, limits: Limits, standing: Standing) -> None:
        self._standing = standing
        self.threads = ThreadPoolExecutor(size, thread_name_prefix=name)
        self._pool = ConnectionPool(
            lambda: conninfo(address),
            connection_class=_Connection,
            kwargs={"autocommit": True},
            min_size=1,
            max_size=size,
            configure=lambda connection: set_up(connection, limits),
            name=name,
            reconnect_timeout=AGAIN_SECONDS,
            open=True,
        )

    def run(self, work: Callable[[Records], T], seconds: float) -> T:
        """Runs work on one view of the data; waits that long for a connection.

        Raises:
            psycopg.Error: no connection, or one that fails.
            UnavailableError: this version cannot live with what the database is by now.
        """
        connection = self._connection(seconds)
        try:
            begun = connection.execute(_BEGIN, prepare=False)
            try:
                begun.nextset()
                [schema] = begun.fetchall()
                self._standing.check(schema)
                return work(self._over(connection))
            finally:
                if not connection.closed:
                    connection.execute("ROLLBACK")
        finally:
            self._pool.putconn(connection)

    def close(self) -> None:
        """Lets go of the connections, when what is under way is over."""
        self.threads.shutdown()
        self._pool.close()

    def _connection(self, seconds: float) -> _Connection:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            # A pool that has given up connects again for whoever comes anew, not for one who waits already.
            with suppress(PoolTimeout):
                return self._pool.getconn(min(left, AGAIN_SECONDS))
        raise PoolTimeout(f"couldn't get a connection after {seconds:.2f} sec")

    def _over(self, connection: _Connection) -> SqlRecords:
        if connection.records is None:
            self._standing.check_database(connection)
            connection.records = records(PostgresDatabase(connection))
        return connection.records
