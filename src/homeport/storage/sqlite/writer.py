"""The one writer: works that wait together share a transaction, and one fsync keeps them all.

Works run in the event loop's thread; statements take microseconds, and a thread of their own would fight with the loop
for the interpreter's lock at each of them. Only the end of the transaction, which waits for the disk, runs elsewhere.
What is written meanwhile waits, and is the next batch.

A work that fails is undone alone. Most fail before they have written anything: then there is nothing to undo. Else the
batch begins anew with a savepoint around each work. Savepoints for all would cost a quarter of the whole: SQLite copies
every page that changes within one, and all works of a batch change the same pages.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import Final, Generic, TypeVar, cast

from homeport.coordination.events import Event, EventFilter
from homeport.coordination.store import Records
from homeport.datalock import is_migrating
from homeport.storage.announcer import Announcer
from homeport.storage.closed import closed
from homeport.storage.sql.database import Database
from homeport.storage.sqlite.database import DatabaseError
from homeport.storage.sqlite.dialect import records
from homeport.storage.sqlite.faults import is_busy, readable
from homeport.storage.sqlite.flusher import Flusher

T = TypeVar("T")

MOST_WORKS: Final = 64
LONGEST_BATCH: Final = 0.005
"""Seconds of work after which a batch is committed although more is waiting."""
LONGEST_WAIT: Final = 10.0
"""Seconds that writers wait for another process to finish its transaction; for a migration they wait until it ends."""
PIECE: Final = 1000
"""Events of other processes that are read at a time."""


@dataclass(slots=True, eq=False)
class _Job(Generic[T]):
    """Work that waits, and whoever waits for it."""

    work: Callable[[Records], T]
    future: asyncio.Future[T]
    answer: T | None = None

    def succeed(self) -> None:
        if not self.future.done():
            self.future.set_result(cast("T", self.answer))  # None is an answer as well

    def fail(self, error: BaseException) -> None:
        if self.future.done():
            return
        if isinstance(error, StopIteration):  # which a future cannot carry
            error = RuntimeError("the work raised StopIteration")
        self.future.set_exception(error)


class _Outcome(Enum):
    """What became of a work."""

    DONE = auto()
    REFUSED = auto()
    """It failed, and nothing of it is left."""
    LOST = auto()
    """It failed, and the transaction with it: the works before it have to run again."""
    AGAIN = auto()
    """It failed and left something behind: it and the works before it have to run again, each apart."""


class Writer:
    """Runs works in batches.

    Args:
        database: a connection that nobody else uses.
        path: the file, for what errors say.
        announcer: told of the events of every batch when they are durable.
    """

    def __init__(self, database: Database, path: Path, announcer: Announcer) -> None:
        self._database = database
        self._path = path
        self._announcer = announcer
        self._records = records(database)
        self._flusher = Flusher("homeport-commit")
        self._waiting: deque[_Job[object]] = deque()
        self._chores: deque[_Job[object]] = deque()
        self._drain: asyncio.Task[None] | None = None
        self._careful = 0  # how many of the works that come next run apart
        self._closing = False
        self.longest_wait = LONGEST_WAIT

    @property
    def idle(self) -> bool:
        """Whether the connection is free for a short question in the loop's thread."""
        return self._drain is None

    async def write(self, work: Callable[[Records], T]) -> T:
        """See :class:`homeport.coordination.store.Store`."""
        return await self._put(work, self._waiting)

    async def tidy(self, chore: Callable[[], T]) -> T:
        """Runs a chore that takes a while in a transaction of its own, between two batches, in the flusher's thread."""
        return await self._put(lambda _: chore(), self._chores)

    async def _put(self, work: Callable[[Records], T], queue: deque[_Job[object]]) -> T:
        if self._closing:
            raise closed()
        loop = asyncio.get_running_loop()
        job: _Job[T] = _Job(work, loop.create_future())
        queue.append(cast("_Job[object]", job))  # settled with the answer of this very work
        if self._drain is None:
            self._drain = loop.create_task(self._run())
        return await job.future

    async def close(self) -> None:
        """Finishes what waits, and ends the thread."""
        self._closing = True
        while self._drain is not None:
            await asyncio.wait([self._drain])
        self._flusher.stop()

    async def catch_up(self) -> None:
        """Tells of events that other processes wrote; to be called while :attr:`idle`."""
        while self._announcer.needed and (events := self._foreign()):
            self._announcer.tell(events)
            if len(events) == PIECE:
                await asyncio.sleep(0)
                if not self.idle:
                    return

    async def _run(self) -> None:
        try:
            while self._waiting or self._chores:
                if self._waiting:
                    await self._batch()
                if self._chores:
                    await self._do(self._chores.popleft())
        except BaseException as error:
            # A fault of this class or of the interpreter: nobody may wait for ever.
            self._fail((*self._waiting, *self._chores), error)
            self._waiting.clear()
            self._chores.clear()
            raise
        finally:
            self._records.forget()
            if self._database.in_transaction:
                self._roll_back()
            self._drain = None

    async def _batch(self) -> None:
        """One transaction."""
        try:
            await self._begin()
        except DatabaseError as error:
            self._roll_back()
            jobs = tuple(self._waiting)
            self._waiting.clear()
            self._fail(jobs, error)
            return
        done: list[_Job[object]] = []
        try:
            self._work(done)
            if not done:
                self._roll_back()
                return
            events = tuple(self._records.events.appended)
            await self._flusher.run(self._commit)
        except DatabaseError as error:
            self._roll_back()
            self._fail(done, error)
            return
        except BaseException as error:
            self._fail(done, error)
            raise
        self._records.forget()
        self._announcer.tell(events)
        for job in done:
            job.succeed()

    async def _do(self, chore: _Job[object]) -> None:
        """One transaction for one chore."""
        try:
            await self._begin()
            await self._flusher.run(lambda: self._carry_out(chore))
        except DatabaseError as error:
            self._roll_back()
            self._fail((chore,), error)
        except BaseException as error:
            self._fail((chore,), error)
            raise
        else:
            chore.succeed()

    def _carry_out(self, chore: _Job[object]) -> None:
        """Runs in the flusher's thread."""
        chore.answer = chore.work(self._records)
        self._database.execute("COMMIT")

    async def _begin(self) -> None:
        """Begins a transaction that may write, and tells of what others wrote before it."""
        end: float | None = None
        pause = 0.001
        while True:
            try:
                self._database.execute("BEGIN IMMEDIATE")
            except DatabaseError as error:
                if not is_busy(error):
                    raise
                now = time.monotonic()
                end = now + self.longest_wait if end is None else end
                if now >= end:
                    if not is_migrating(self._path.parent):
                        raise
                    end = now + self.longest_wait
                await asyncio.sleep(pause)
                pause = min(pause * 2, 0.05)
                continue
            if self._told_of_others():
                return
            # There is more of it than the loop should be held up for.
            self._database.execute("ROLLBACK")
            await asyncio.sleep(0)

    def _told_of_others(self) -> bool:
        """Tells of the events that others wrote before this transaction, which have smaller numbers; whether of all."""
        if not self._announcer.needed:
            return True
        events = self._foreign()
        self._announcer.tell(events)
        return len(events) < PIECE

    def _work(self, done: list[_Job[object]]) -> None:
        """Runs what waits, within limits, and puts what is to be committed into ``done``."""
        end = time.perf_counter() + LONGEST_BATCH
        while self._waiting and len(done) < MOST_WORKS:
            job = self._waiting.popleft()
            if job.future.done():  # its caller was cancelled
                continue
            if self._careful:
                self._careful -= 1
                found = self._attempt_apart(job)
            else:
                found = self._attempt(job)
            if found is _Outcome.DONE:
                done.append(job)
            elif found is _Outcome.LOST:
                self._roll_back()
                self._waiting.extendleft(reversed(done))
                self._careful = len(done)
                done.clear()
                return
            elif found is _Outcome.AGAIN:
                self._roll_back()
                self._waiting.extendleft(reversed([*done, job]))
                self._careful = len(done) + 1
                done.clear()
                return
            if time.perf_counter() >= end:
                return

    def _attempt(self, job: _Job[object]) -> _Outcome:
        """Runs one work among others; one that fails after it has written has to be told apart from them."""
        mark = self._records.mark()
        changes = self._database.total_changes
        try:
            job.answer = job.work(self._records)
        except BaseException as error:
            untouched = self._database.total_changes == changes and self._records.mark() == mark
            if isinstance(error, Exception) and not (untouched and self._database.in_transaction):
                return _Outcome.AGAIN
            job.fail(self._readable(error))
            if not isinstance(error, Exception):
                raise
            return _Outcome.REFUSED
        return _Outcome.DONE

    def _attempt_apart(self, job: _Job[object]) -> _Outcome:
        """Runs one work in a savepoint of its own."""
        mark = self._records.mark()
        try:
            self._database.execute("SAVEPOINT work")
            job.answer = job.work(self._records)
            self._database.execute("RELEASE work")
        except BaseException as error:
            undone = self._undo(mark)
            job.fail(self._readable(error))
            if not isinstance(error, Exception):
                raise
            return _Outcome.REFUSED if undone else _Outcome.LOST
        return _Outcome.DONE

    def _undo(self, mark: tuple[int | None, int]) -> bool:
        """Undoes one work; whether the rest of the transaction is still there."""
        self._records.restore(mark)
        # SQLite undoes the whole transaction itself when a disk is full, for one.
        if not self._database.in_transaction:
            return False
        try:
            self._database.execute("ROLLBACK TO work")
            self._database.execute("RELEASE work")
        except DatabaseError:
            return False
        return True

    def _commit(self) -> None:
        """Makes the batch durable; runs in the flusher's thread."""
        self._records.words.flush()
        self._database.execute("COMMIT")

    def _roll_back(self) -> None:
        self._records.forget()
        if self._database.in_transaction:
            with suppress(DatabaseError):
                self._database.execute("ROLLBACK")

    def _fail(self, jobs: Sequence[_Job[object]], error: BaseException) -> None:
        readable = self._readable(error)
        for job in jobs:
            job.fail(readable)

    def _readable(self, error: BaseException) -> BaseException:
        return readable(error, self._path)

    def _foreign(self) -> Sequence[Event]:
        """The next events that the listeners do not know, among those that are committed."""
        return self._records.events.select(EventFilter(), self._announcer.told, PIECE)
