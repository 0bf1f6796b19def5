"""What is done where the data of an environment are in a PostgreSQL database, besides what :mod:`homeport.server` does.

None loads what only another needs.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from homeport.contract import DatabaseAddress, DataFacts

if TYPE_CHECKING:
    from homeport.contract.database import DatabaseExchanged, DatabasesSwept, DatabaseState, DataConverted
    from homeport.contract.servers import ServerSeen
    from homeport.storage.dumps.reserving import Reserved


def load(directory: Path, database: DatabaseAddress | None = None) -> DataFacts:
    """Makes a snapshot into data that a server can open, and looks at every row of them.

    A dump in it becomes a scratch database, which the directory names and keeps: it is swept once the directory is
    gone. Of other snapshots nothing is changed.

    Args:
        directory: a snapshot that nobody has open.
        database: the environment's, on whose server the scratch database is made.

    Raises:
        GuardError: it is in use.
        UsageError: there is no such directory, or nobody said on which server.
        HomeportError: no scratch database can be made.
    """
    from homeport.server.databases import loading

    return loading.load(directory, database)


def load_into(directory: Path, environment: str, database: DatabaseAddress | None) -> DataFacts:
    """As :func:`load`, whatever the data of the snapshot were in: they are in what the environment has now.

    Every row is compared on both sides. A dump becomes a file without any server.

    Args:
        directory: a snapshot of the environment that nobody has open.
        environment: whose.
        database: the environment's; None where it keeps its data in a file.

    Raises:
        CannotStartError: the data are of a schema that this version does not know.
        GuardError: it is another environment's, or in use.
        HomeportError: no scratch database can be made, or PostgreSQL's programs are missing.
    """
    from homeport.server.databases import moving

    return moving.load_into(directory, environment, database)


def exchange(
    database: DatabaseAddress, environment: str, data: Path, incoming: Path, label: str, *, onto_empty: bool = False
) -> DatabaseExchanged:
    """Puts the database of a copy in place of an environment's, which is kept: both are renamed, or neither is.

    Who is connected is sent away. Both directories name their databases anew.

    Args:
        database: the environment's.
        environment: whose.
        data: its data directory, which need not be there.
        incoming: the directory of the copy.
        label: ends the name of what is kept.
        onto_empty: whether what is there must be empty.

    Raises:
        GuardError: a server has the database open, it is not empty, or the copy is not the environment's.
        HomeportError: they cannot be renamed; nothing was changed.
    """
    from homeport.server.databases import exchanging

    return exchanging.exchange_database(database, environment, data, incoming, label, onto_empty=onto_empty)


def demand_empty(database: DatabaseAddress) -> None:
    """Makes sure that a database has nothing in it, or is not there yet.

    Raises:
        GuardError: it has.
        HomeportError: it cannot be reached.
    """
    from homeport.server.databases import exchanging

    exchanging.demand_empty(database)


def put_back(
    database: DatabaseAddress, environment: str, data: Path, incoming: Path, served: Path | None, label: str
) -> DatabaseExchanged:
    """Takes :func:`exchange` back; nothing is done where it was not, or was taken back already.

    What took the place is dropped if no server can have written to it; else it is kept, under a name of its own.

    Args:
        database: the environment's.
        environment: whose.
        data: its data directory, with what was kept.
        incoming: the directory of the copy.
        served: where the copy lies if a server of this machine may have written to it; None where nobody knows.
        label: as it was given to :func:`exchange`.

    Raises:
        GuardError: a server has the database open, or somebody connects again and again.
        HomeportError: they cannot be renamed, or what was kept is gone; nothing was changed.
    """
    from homeport.server.databases import exchanging

    return exchanging.put_database_back(database, environment, data, incoming, served, label)


def drop_kept(database: DatabaseAddress, label: str) -> str | None:
    """Drops what :func:`exchange` kept under this label.

    Returns:
        Its name; None where there is none any more.

    Raises:
        UsageError: no operation keeps anything under such a label.
        HomeportError: it cannot be dropped.
    """
    from homeport.server.databases import exchanging

    return exchanging.drop_kept(database, label)


def sweep(database: DatabaseAddress) -> DatabasesSwept:
    """Drops the scratch databases beside an environment's that nobody has any more.

    Raises:
        HomeportError: the server cannot be reached, or one cannot be dropped.
    """
    from homeport.server.databases import exchanging

    return exchanging.sweep_databases(database)


def convert(directory: Path, environment: str, *, target: DatabaseAddress | None) -> DataConverted:
    """Makes a snapshot of data of the one kind into data of the other, and compares every row on both sides.

    Args:
        directory: a snapshot; what it had is gone afterwards. With a target it names a scratch database, as after
            :func:`load`.
        environment: whose.
        target: the database that is to take the data; None for a file.

    Raises:
        CannotStartError: the data are of a schema that this version does not know.
        GuardError: it is no snapshot, another environment's, or in use.
        UsageError: it holds no data of that kind.
        HomeportError: a row cannot be kept, or there is no room; the snapshot is to be thrown away.
    """
    from homeport.server.databases import moving

    if target is not None:
        return moving.convert_to_database(directory, environment, target)
    return moving.convert_to_file(directory, environment)


def state_of(database: DatabaseAddress, data_directory: Path) -> DatabaseState:
    """How a database and its server are; what cannot be asked says why, and raises nothing.

    Args:
        database: the environment's.
        data_directory: tells its servers of this machine from others.
    """
    from homeport.server.naming import here
    from homeport.storage.dumps.cluster import Cluster
    from homeport.storage.dumps.state import state_of as asked

    return asked(Cluster(database), here(data_directory))


def servers_on(database: DatabaseAddress, data_directory: Path) -> list[ServerSeen]:
    """The servers that have an environment's database open, the oldest first.

    Args:
        database: the environment's; it need not be there.
        data_directory: tells its servers of this machine from others.

    Raises:
        HomeportError: the database server cannot be reached.
    """
    from homeport.server.databases import others

    return others.servers_on(database, data_directory)


def reserved(
    database: DatabaseAddress, environment: str, operation: str, *, needed: bool
) -> AbstractContextManager[Reserved]:
    """The right to change an environment, which one process has at a time on whatever machine, while the block runs.

    Args:
        database: the environment's.
        environment: its name.
        operation: what is done, in a word.
        needed: whether it is refused where the database server cannot be reached.

    Raises:
        GuardError: another operation has it; it is named.
        HomeportError: the database server cannot be reached.
    """
    from homeport.server.databases import others

    return others.reserved(database, environment, operation, needed=needed)
