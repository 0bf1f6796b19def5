"""Where a server stands among others of its environment: its lock on the data, its turn to accept, its end."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path

from homeport.contract import Identity
from homeport.datalock import DataLock, LockHolder
from homeport.server.manager import STOPPING, Manager, status
from homeport.server.opening import DataPlace
from homeport.server.turns import Turns
from homeport.transports.log import Log

Errands = Callable[[], AbstractAsyncContextManager[None]]


@contextmanager
def opened_data(place: DataPlace, *, standby: bool) -> Iterator[tuple[Identity | None, DataLock]]:
    """The data directory and its lock, which servers that hand over share; see :meth:`DataPlace.held`."""
    taken: list[DataLock] = []

    def take(where: Path, holder: LockHolder | None) -> DataLock:
        taken.append(DataLock.take_or_share(where, holder) if standby else DataLock.take(where, holder))
        return taken[0]

    with place.held(take) as identity:
        yield identity, taken[0]


class Keeper:
    """Keeps a server's place.

    Args:
        manager: is told when it changes.
        lock: on the data.
        turns: among servers that hand over; None for one that has the data alone.
    """

    def __init__(self, manager: Manager, lock: DataLock, turns: Turns | None) -> None:
        self.manager = manager
        self.lock = lock
        self.turns = turns
        self._turn: asyncio.Task[None] | None = None

    @property
    def stands_by(self) -> bool:
        """Whether another server accepts now."""
        return self.turns is not None and not self.turns.accepting.is_mine

    @asynccontextmanager
    async def turn(
        self, listen: Callable[[], Awaitable[None]], errands: Errands, text: Callable[[], str], log: Log
    ) -> AsyncIterator[None]:
        """While the block runs: waits for the turn, accepts, and does errands when the one before has ended its own.

        Args:
            listen: begins to accept.
            errands: does them while its block runs.
            text: of the status.
            log: learns when the turn comes.

        Raises:
            CannotStartError: there is no turn to wait for.
        """
        turns = self.turns
        if turns is None:
            raise ValueError("a server that is alone has no turn")
        turns.begin()
        # From here on a successor may open the data: they are of the schema that both know.
        self.lock.share()

        async def take_turn() -> None:
            await turns.accept()
            self.lock.sign()
            await listen()
            log.event("info", "accepting")
            self.manager.tell(status(text()))
            await turns.errands.wait()
            try:
                async with errands():
                    await asyncio.get_running_loop().create_future()
            finally:
                turns.errands.release()

        turn = self._turn = asyncio.create_task(take_turn())
        # One that cannot accept, or whose errands fail, is of no use: it ends, and the manager sees it.
        turn.add_done_callback(lambda _: None if turn.cancelled() else signal.raise_signal(signal.SIGTERM))
        try:
            yield
        finally:
            self._end_turn()
            await asyncio.wait([turn])
            turns.release()
        if not turn.cancelled():
            turn.result()

    def drain(self, drain: Callable[[], None]) -> None:
        """The end begins, and nothing is accepted any more: the next one may."""
        self.manager.tell(STOPPING, status("Finishing what was begun"))
        drain()
        if self.turns is not None:
            self._end_turn()
            self.turns.standby.release()
            self.turns.accepting.release()

    def _end_turn(self) -> None:
        """Once: a second cancellation would not let errands finish what they are about."""
        if self._turn is not None and not self._turn.cancelling():
            self._turn.cancel()
