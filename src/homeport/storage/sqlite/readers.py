"""Connections that read: one in the loop's thread for short work, some in threads for long work."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from typing import Final, TypeVar

from homeport.coordination.store import Records
from homeport.errors import UnavailableError
from homeport.storage.closed import closed
from homeport.storage.sql.database import Database
from homeport.storage.sqlite.database import DatabaseError, connect
from homeport.storage.sqlite.dialect import records
from homeport.storage.sqlite.faults import is_busy, readable

T = TypeVar("T")

SCANS: Final = 2
"""How many long works run at a time; more would only share the same processor."""
TRIES: Final = 50


class Reader:
    """A connection for one read transaction at a time."""

    def __init__(self, path: Path, *, cache_kib: int, wait_ms: int = 0) -> None:
        self._path = path
        self.database: Database = connect(path, cache_kib=cache_kib, readonly=True, wait_ms=wait_ms)
        self._records = records(self.database)

    def run(self, work: Callable[[Records], T]) -> T:
        """Runs work on one view of the data.

        Raises:
            DatabaseError: another connection is in the way for the moment; try again.
            CallError: see :class:`homeport.coordination.store.Store`.
        """
        execute = self.database.execute
        try:
            execute("BEGIN")
            try:
                return work(self._records)
            finally:
                if self.database.in_transaction:
                    execute("COMMIT")
        except Exception as error:
            if isinstance(error, DatabaseError) and is_busy(error):
                raise
            raise readable(error, self._path) from error.__cause__

    def close(self) -> None:
        """Lets go of the file."""
        self.database.close()


class Readers:
    """Short reads in the loop's thread, long ones beside it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._short = Reader(path, cache_kib=16_384)
        self._free: SimpleQueue[Reader] = SimpleQueue()
        self._scanners: list[Reader] = []
        self._threads = ThreadPoolExecutor(SCANS, thread_name_prefix="homeport-scan")
        self._closed = False

    @property
    def short(self) -> Reader:
        """The one for the loop's thread."""
        return self._short

    async def read(self, work: Callable[[Records], T]) -> T:
        """See :class:`homeport.coordination.store.Store`."""
        self._refuse_closed()
        for _ in range(TRIES):
            try:
                return self._short.run(work)
            except DatabaseError as error:
                if not is_busy(error):
                    raise
                # Another process recovers the log after a crash, or closes the database: a matter of moments.
                await asyncio.sleep(0.02)
                self._refuse_closed()
        raise UnavailableError(f"{self._path} is in use by another process.", "Call again.")

    async def scan(self, work: Callable[[Records], T]) -> T:
        """See :class:`homeport.coordination.store.Store`."""
        self._refuse_closed()
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._scan, work)

    async def close(self) -> None:
        """Finishes what is under way."""
        self._closed = True
        await asyncio.get_running_loop().run_in_executor(None, self._threads.shutdown)
        for reader in (self._short, *self._scanners):
            with suppress(DatabaseError):
                reader.close()

    def _scan(self, work: Callable[[Records], T]) -> T:
        if self._free.empty() and len(self._scanners) < SCANS:
            self._scanners.append(Reader(self._path, cache_kib=8192, wait_ms=2000))
            self._free.put(self._scanners[-1])
        reader = self._free.get()
        try:
            return reader.run(work)
        except DatabaseError as error:
            raise readable(error, self._path) from error
        finally:
            self._free.put(reader)

    def _refuse_closed(self) -> None:
        if self._closed:
            raise closed()
