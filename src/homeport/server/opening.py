"""Which store holds the data of a directory: its own file, or a database. Decided here and nowhere else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from homeport.contract import DATABASE_FILE, DatabaseAddress, Identity
from homeport.coordination.store import Store
from homeport.datalock import DataLock, LockHolder
from homeport.errors import CannotStartError
from homeport.identity import (
    check_identity,
    check_owner,
    hold_data_directory,
    new_identity,
    open_data_directory,
    unwritable,
    write_identity,
)
from homeport.server.proofs import Board
from homeport.storage.sqlite import open_store
from homeport.transports.others import Wire
from homeport.whereabouts import check_whereabouts, read_whereabouts, shown, write_whereabouts

Errands = Callable[[], AbstractAsyncContextManager[None]]
Take = Callable[[Path, LockHolder | None], DataLock]


@dataclass(frozen=True, slots=True)
class Opened:
    """A store, and what goes with it.

    Attributes:
        store: of the records.
        identity: whose they are.
        wire: to the other servers; None where there can be none.
        turns: does errands whenever it is this server's turn among them; None where it is always.
        board: where the machines say how their backups are; None where there is one machine.
    """

    store: Store
    identity: Identity
    wire: Wire | None = None
    turns: Callable[[Errands], Coroutine[Any, Any, None]] | None = None
    board: Board | None = None


@dataclass(frozen=True, slots=True)
class DataPlace:
    """Where data are, and whose they must be."""

    directory: Path
    """Absolute; must exist. With a database it holds the identity, the stamp and the locks of this machine."""
    environment: str
    database: DatabaseAddress | None = None

    def find_identity(self) -> Identity | None:
        """Whose data are there, without writing; None where there are none yet.

        Raises:
            CannotStartError: they are another environment's, or not where they are looked for.
            UnavailableError: the database cannot be asked now.
        """
        check_whereabouts(self.directory, self.database)
        identity = check_owner(self.directory, self.environment)
        if identity is not None or self.database is None:
            return identity
        return _of_database(self.database, self.environment)

    def holds_data(self) -> bool:
        """Whether something was begun there: a file made, or a database stamped.

        Raises:
            CannotStartError: as for :meth:`find_identity`.
            UnavailableError: as for it.
        """
        identity = self.find_identity()
        return identity is not None and (self.database is not None or (self.directory / DATABASE_FILE).exists())

    @contextmanager
    def held(self, take: Take = DataLock.take) -> Iterator[Identity | None]:
        """Holds the directory while the block runs; its identity, None where a database is yet to give it.

        Args:
            take: the lock, alone by default.

        Raises:
            CannotStartError: see :func:`homeport.identity.open_data_directory`.
        """
        check_whereabouts(self.directory, self.database)
        hold = open_data_directory if self.database is None else hold_data_directory
        with hold(self.directory, self.environment, take=take) as identity:
            yield identity

    async def opened(self, identity: Identity | None, *, beside_server: bool) -> Opened:
        """The store of a directory that is held, or that the server which holds it works beside.

        Args:
            identity: of the directory.
            beside_server: the schema is not touched, and must be current.

        Raises:
            CannotStartError: the store cannot be opened as this environment's.
            UnavailableError: the database cannot be reached now.
        """
        if self.database is None:
            store = await open_store(self.directory, beside_server=beside_server)
            found = identity or check_owner(self.directory, self.environment)
            if found is None:
                await store.close()
                raise CannotStartError(
                    f"{self.directory} is being begun by another process.",
                    "Try again in a moment.",
                    data_directory=str(self.directory),
                )
            return Opened(store, found)
        opened = await _open_database(self.database, self.environment, identity, beside_server=beside_server)
        try:
            await asyncio.to_thread(self._stamp, self.database, opened.identity)
        except BaseException:
            await opened.store.close()
            raise
        return opened

    def _stamp(self, database: DatabaseAddress, identity: Identity) -> None:
        """Only what the database itself has said is written into the directory."""
        try:
            if check_owner(self.directory, self.environment) is None:
                write_identity(self.directory, identity)
            if read_whereabouts(self.directory) is None:
                write_whereabouts(self.directory, database.url)
        except OSError as error:
            raise unwritable(self.directory, error) from None


async def _open_database(
    database: DatabaseAddress, environment: str, identity: Identity | None, *, beside_server: bool
) -> Opened:
    """Opens it as the data of ``identity``, or, where that is None, as whatever of this environment it holds."""
    from homeport.storage import postgres

    while True:
        found = identity or await asyncio.to_thread(_of_database, database, environment) or new_identity(environment)
        try:
            store = await postgres.open_store(database, found, beside_server=beside_server)
        except CannotStartError:
            # Of two servers that begin at once one has stamped the empty database: the other takes what that wrote.
            if identity is not None or await asyncio.to_thread(_of_database, database, environment) in (None, found):
                raise
        else:
            return Opened(store, found, store.wire, partial(postgres.take_turns, database), postgres.Proofs(store))


def _of_database(database: DatabaseAddress, environment: str) -> Identity | None:
    from homeport.storage import postgres

    found = postgres.read_identity(database)
    if found is not None:
        check_identity(found, environment, f"The database {shown(database.url)}", "database")
    return found
