"""The ``Store`` on one SQLite file."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeVar

from homeport.coordination.store import Listener, Records
from homeport.errors import CallError, UnavailableError
from homeport.storage.announcer import Announcer
from homeport.storage.sql.database import Database
from homeport.storage.sql.probing import count, count_up
from homeport.storage.sqlite.database import DatabaseError
from homeport.storage.sqlite.merging import Merger
from homeport.storage.sqlite.readers import Readers
from homeport.storage.sqlite.room import check_room, size_of
from homeport.storage.sqlite.writer import Writer

T = TypeVar("T")

POLL: Final = 0.1
"""Seconds between two looks for what other processes wrote."""

_log = logging.getLogger(__name__)


class SqliteStore:
    """See :class:`homeport.coordination.store.Store`; :func:`~homeport.storage.sqlite.open_store` makes one.

    Args:
        path: a database of the current schema.
        database: its connection for writing, which the store closes in the end.
        schema_version: the revision of the schema.
    """

    def __init__(self, path: Path, database: Database, schema_version: str) -> None:
        self._path = path
        self._database = database
        self._schema_version = schema_version
        self._readers = Readers(path)
        self._announcer = Announcer(lambda: self._readers.short.run(lambda records: records.events.last()))
        self._writer = Writer(database, path, self._announcer)
        self._merger = Merger(database)
        self._data_version = self._look()
        self._poll: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def schema_version(self) -> str:
        return self._schema_version

    async def read(self, work: Callable[[Records], T]) -> T:
        return await self._readers.read(work)

    async def scan(self, work: Callable[[Records], T]) -> T:
        return await self._readers.scan(work)

    async def write(self, work: Callable[[Records], T]) -> T:
        return await self._writer.write(work)

    async def probe(self) -> None:
        written = await self._writer.write(count_up)
        if await self._readers.read(count) < written:
            raise UnavailableError(
                f"{self._path} does not give back what was just written.", "The disk loses writes; look at it."
            )
        check_room(self._path)

    async def tidy(self) -> bool:
        if not await self._readers.read(lambda _: self._merger.has_more(self._readers.short.database)):
            return False
        return await self._writer.tidy(self._merger.step)

    async def size(self) -> int | None:
        return size_of(self._path)

    def listen(self, listener: Listener) -> Callable[[], None]:
        stop = self._announcer.listen(listener)
        if self._poll is None and not self._closed:
            self._poll = asyncio.get_running_loop().create_task(self._watch())
        return stop

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        if self._poll is not None:
            self._poll.cancel()
            await asyncio.wait([self._poll])
        await self._writer.close()
        await self._readers.close()
        await asyncio.to_thread(self._let_go)

    def _let_go(self) -> None:
        # The last connection leaves one file and no log beside it; where another process has it open, it goes on.
        with suppress(DatabaseError):
            self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        self._database.close()

    def _look(self) -> int:
        """A number that changes when another connection commits."""
        row = self._database.execute("PRAGMA data_version").fetchone()
        return row[0] if row else 0

    async def _watch(self) -> None:
        """Notices what other processes commit while nobody writes here; writing here notices it by itself."""
        while True:
            await asyncio.sleep(POLL)
            if not self._announcer.needed:
                self._poll = None
                return
            if not self._writer.idle:
                continue
            try:
                seen = self._look()
                if seen != self._data_version:
                    await self._writer.catch_up()
                    self._data_version = seen
            except (DatabaseError, CallError):
                _log.warning("cannot look for events of other processes", exc_info=True)
