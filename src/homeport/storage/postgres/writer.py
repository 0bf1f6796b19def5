"""The one writer of a server: works that wait together share a transaction, and one flush to the disk keeps them all.

Works of several servers take turns: a transaction begins with a lock that all of them ask for, and has it until it is
over. So what works read stays true until they have written, and numbers of events and deliveries grow in the order in
which they become visible: who goes on after a number has missed nothing. Claims need no ``SKIP LOCKED`` and works no
second try for having met others. What it costs is told in docs/postgresql.md.

A transaction that a lost connection ended is begun anew on a new one. Where the connection was lost while it committed,
the database is asked what became of it; see :mod:`homeport.storage.postgres.outcomes`.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar, cast

import psycopg
from psycopg import errors
from psycopg.pq import TransactionStatus

from homeport.coordination.events import Event, EventFilter
from homeport.coordination.store import Records
from homeport.errors import UnavailableError
from homeport.storage.announcer import Announcer
from homeport.storage.closed import closed
from homeport.storage.postgres.dialect import records
from homeport.storage.postgres.faults import is_passing, migrated, readable
from homeport.storage.postgres.outcomes import Ending, is_kept
from homeport.storage.postgres.standing import Standing
from homeport.storage.postgres.writing import WritingDatabase
from homeport.storage.sql.database import Row
from homeport.storage.sql.records import SqlRecords

T = TypeVar("T")

MOST_WORKS: Final = 64
LONGEST_BATCH: Final = 0.05
"""Seconds of work after which a batch is committed although more is waiting: other servers wait for their turn."""
LONGEST_WAIT: Final = 10.0
"""Seconds that works wait for a database that is away; for a migration they wait until it ends."""
PAUSE: Final = 0.1
PIECE: Final = 1000
"""Events of other servers that are read at a time."""


@dataclass(slots=True, eq=False)
class _Job(Generic[T]):
    """Work that waits, and whoever waits for it."""

    work: Callable[[Records], T]
    future: asyncio.Future[T]
    answer: T | None = None
    error: BaseException | None = None

    def settle(self) -> None:
        if self.future.done():
            return
        if self.error is None:
            self.future.set_result(cast("T", self.answer))  # None is an answer as well
        elif isinstance(self.error, StopIteration):  # which a future cannot carry
            self.future.set_exception(RuntimeError("the work raised StopIteration"))
        else:
            self.future.set_exception(self.error)


@dataclass(slots=True)
class _Batch:
    """The works of one transaction, and what came of them."""

    jobs: list[_Job[object]]
    left: list[_Job[object]] = field(default_factory=list)
    """Those for which there was no time."""
    events: list[Event] = field(default_factory=list)
    ending: Ending | None = None
    """By what its end can be asked for, once it commits."""


class _MixedError(Exception):
    """A work failed after it wrote: the others have to run again, each apart."""


class Writer:
    """Runs works in batches, in a thread of its own.

    Args:
        connect: makes a connection for writing; blocks.
        is_migrating: whether somebody migrates the database; blocks.
        place: what errors call the database.
        announcer: told of the events of every batch when they are durable.
        standing: whether this version can live with what the database is by now.
    """

    def __init__(
        self,
        connect: Callable[[], psycopg.Connection[Row]],
        is_migrating: Callable[[], bool],
        place: str,
        announcer: Announcer,
        standing: Standing,
    ) -> None:
        self._connect = connect
        self._is_migrating = is_migrating
        self._standing = standing
        self._place = place
        self._announcer = announcer
        self._held: tuple[WritingDatabase, SqlRecords] | None = None
        self._waiting: deque[_Job[object]] = deque()
        self._drain: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="homeport-writer")
        self._closing = False
        self.longest_wait = LONGEST_WAIT
        self.fault: UnavailableError | None = None
        """Why works wait at present: the database is away, or is migrated."""

    async def write(self, work: Callable[[Records], T]) -> T:
        """See :class:`homeport.coordination.store.Store`."""
        if self._closing:
            raise closed()
        loop = asyncio.get_running_loop()
        job: _Job[T] = _Job(work, loop.create_future())
        self._waiting.append(cast("_Job[object]", job))  # settled with the answer of this very work
        if self._drain is None:
            self._drain = loop.create_task(self._run())
        return await job.future

    async def close(self) -> None:
        """Finishes what waits, and lets go of the connection."""
        self._closing = True
        while self._drain is not None:
            await asyncio.wait([self._drain])
        await asyncio.get_running_loop().run_in_executor(self._thread, self._let_go)
        self._thread.shutdown()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        batch = _Batch([])
        try:
            while self._waiting:
                count = min(len(self._waiting), MOST_WORKS)
                # A caller that was cancelled waits for nothing.
                jobs = [job for job in (self._waiting.popleft() for _ in range(count)) if not job.future.done()]
                batch = _Batch(jobs)
                await loop.run_in_executor(self._thread, self._keep, batch)
                self._announcer.tell(batch.events)
                for job in batch.jobs:
                    job.settle()
                self._waiting.extendleft(reversed(batch.left))
        except BaseException as error:
            # A fault of this class or of the interpreter: nobody may wait for ever.
            for job in (*batch.jobs, *batch.left, *self._waiting):
                job.error = job.error or error
                job.settle()
            self._waiting.clear()
            raise
        finally:
            self._drain = None

    def _keep(self, batch: _Batch) -> None:
        """Runs a batch until it is kept or cannot be; in the thread, like all that follows."""
        end = time.monotonic() + self.longest_wait
        apart = False
        while True:
            try:
                self._attempt(batch, apart=apart)
            except _MixedError:
                self._roll_back()
                apart = True
            except Exception as error:  # noqa: BLE001 - it is told to those who wait
                self._roll_back()
                late = isinstance(error, errors.LockNotAvailable) and not self._closing
                waits = late and self._is_migrating()
                found = migrated(self._place) if waits else self._readable(error)
                self.fault = found if isinstance(found, UnavailableError) else None
                end = time.monotonic() + self.longest_wait if waits else end
                if late and time.monotonic() < end:
                    continue
                if self._is_over(batch, error, end):
                    return
                time.sleep(PAUSE)
            except BaseException:
                # Nothing of a work that was torn out may be kept by the next one.
                self._let_go()
                raise
            else:
                self.fault = None
                return

    def _is_over(self, batch: _Batch, error: Exception, end: float) -> bool:
        """Whether nothing is left to be done after an attempt that failed: it was kept after all, or it is refused."""
        # A database that breaks down while it commits may say why before the line drops, in words that are no sign of
        # a lost connection.
        lost = is_passing(error) or self._held is None
        try:
            if lost and self._is_kept(batch, end):
                return True
        except UnavailableError as unknown:
            error = unknown
        else:
            if is_passing(error) and time.monotonic() < end:
                return False
        batch.events = []
        found = self._readable(error)
        for job in batch.jobs:
            job.error = found
        return True

    def _attempt(self, batch: _Batch, *, apart: bool) -> None:
        """One transaction."""
        batch.events, batch.ending = [], None
        batch.jobs, batch.left = [*batch.jobs, *batch.left], []
        database, found = self._open()
        found.forget()
        ending = database.begin()
        self._standing.check(database.schema)
        foreign = self._foreign(found.events.select)
        self._run_works(batch, database, found, apart=apart)
        if all(job.error is not None for job in batch.jobs):
            self._roll_back()
            batch.events = foreign
            return
        if not database.in_transaction:
            raise RuntimeError("a work went on after a statement of it had failed")
        self._store_noted(database, apart=apart)
        batch.events = [*foreign, *found.events.appended]
        # From here on it may be kept although nobody says so.
        batch.ending = ending
        events = found.events.appended
        database.commit(ending, events[-1].seq if events else None)

    def _store_noted(self, database: WritingDatabase, *, apart: bool) -> None:
        try:
            database.flush()
        except psycopg.Error as error:
            if apart or is_passing(error):
                raise
            raise _MixedError from error

    def _run_works(self, batch: _Batch, database: WritingDatabase, found: SqlRecords, *, apart: bool) -> None:
        end = time.monotonic() + LONGEST_BATCH
        for number, job in enumerate(batch.jobs, 1):
            if apart:
                self._work_apart(job, database, found)
            else:
                self._work(job, database, found)
            if time.monotonic() >= end:
                batch.left = batch.jobs[number:]
                batch.jobs = batch.jobs[:number]
                return

    def _work(self, job: _Job[object], database: WritingDatabase, found: SqlRecords) -> None:
        """Runs one work among others; one that fails after it has written has to be told apart from them."""
        changes, mark = database.total_changes, found.mark()
        job.error = None
        try:
            job.answer = job.work(found)
        except Exception as error:
            if isinstance(error, psycopg.Error) and is_passing(error):
                raise
            # What the database refuses may have been noted by another work.
            is_told = isinstance(error, psycopg.Error) or not database.in_transaction
            if is_told or database.total_changes != changes or found.mark() != mark:
                raise _MixedError from error
            job.error = self._readable(error)

    def _work_apart(self, job: _Job[object], database: WritingDatabase, found: SqlRecords) -> None:
        """Runs one work in a savepoint of its own."""
        mark = found.mark()
        job.error = None
        database.connection.execute("SAVEPOINT work")
        try:
            job.answer = job.work(found)
            # Here and not at the end of the transaction: what cannot be indexed is this work's fault.
            database.flush()
        except Exception as error:
            if isinstance(error, psycopg.Error) and is_passing(error):
                raise
            found.restore(mark)
            database.forget()
            database.connection.execute("ROLLBACK TO work")
            job.error = self._readable(error)
        database.connection.execute("RELEASE work")

    def _foreign(self, select: Callable[[EventFilter, int, int], Sequence[Event]]) -> list[Event]:
        """The events that other servers kept before this transaction, and that the listeners do not know."""
        found: list[Event] = []
        if self._announcer.needed:
            told = self._announcer.told
            while piece := select(EventFilter(), told, PIECE):
                found += piece
                told = piece[-1].seq
                if len(piece) < PIECE:
                    break
        return found

    def _is_kept(self, batch: _Batch, end: float) -> bool:
        """Whether a transaction whose end nobody heard of is in the database; waits until the database can say.

        Raises:
            UnavailableError: it could not until the end; where a commit waits for a standby, that may be long.
        """
        if batch.ending is None:
            return False
        while True:
            cause: Exception | None = None
            try:
                kept = is_kept(self._open()[0].connection, batch.ending)
            except Exception as error:  # noqa: BLE001 - it is told to those who wait
                kept, cause = None, error
            if kept is not None:
                return kept
            # Where it is asked again, the address may lead to another server: to a standby that has taken over.
            self._let_go()
            if time.monotonic() >= end or not (cause is None or is_passing(cause)):
                raise UnavailableError(
                    f"The connection to {self._place} was lost while this was stored: it may be there or not.",
                    "Call again with the same idempotency_key, or look before you do.",
                ) from cause
            time.sleep(PAUSE)

    def _open(self) -> tuple[WritingDatabase, SqlRecords]:
        if self._held is None or self._held[0].connection.closed:
            database = WritingDatabase(self._connect())
            self._held = database, records(database)
        return self._held

    def _roll_back(self) -> None:
        """Leaves a connection on which no transaction is under way, or none."""
        if self._held is None:
            return
        connection = self._held[0].connection
        with suppress(psycopg.Error):
            if connection.info.transaction_status != TransactionStatus.IDLE:
                connection.execute("ROLLBACK")
            return
        self._let_go()

    def _let_go(self) -> None:
        if self._held is not None:
            self._held[0].close()
            self._held = None

    def _readable(self, error: BaseException) -> BaseException:
        return readable(error, self._place)
