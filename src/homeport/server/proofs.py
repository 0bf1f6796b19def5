"""What is known of backups where several machines have the data: each server tells what its machine knows of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Final, Protocol

from homeport.contract import BackupRecord
from homeport.errors import CallError
from homeport.transports.proof import Proof, newest

LOOK_SECONDS: Final = 10.0
"""Between two looks at what this machine knows, and at what the others have said."""


class Board(Protocol):
    """Where machines say it; see :class:`homeport.storage.postgres.proofs.Proofs`."""

    async def tell(self, teller: str, record: BackupRecord) -> None: ...
    async def known(self) -> Mapping[str, BackupRecord]: ...


class SharedProof:
    """The newest of what all machines know.

    Args:
        own: what this machine knows.
        board: where all say it.
        teller: this machine's name there.
    """

    def __init__(self, own: Callable[[], Proof], board: Board, teller: str) -> None:
        self._own = own
        self._board = board
        self._teller = teller
        self._others: Iterable[BackupRecord] = ()

    def read(self) -> Proof:
        """What the health answer says."""
        return newest(self._own(), self._others)

    async def run(self) -> None:
        """Tells and hears until it is cancelled; while the database is away, what was heard last stays."""
        while True:
            try:
                known = dict(await self._board.known())
                said = known.pop(self._teller, None)
                self._others = tuple(known.values())
                own = self._own()
                record = BackupRecord(last_backup=own.last_backup, last_drill=own.last_drill, proven=own.proven)
                # A machine that never made one has nothing to say; one whose file cannot be read says nothing new.
                if own.problem is None and record != said and (said is not None or own.last_backup is not None):
                    await self._board.tell(self._teller, record)
            except CallError:
                pass  # the health answer says that the database is away
            await asyncio.sleep(LOOK_SECONDS)
