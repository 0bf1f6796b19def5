"""Exchanges an environment's database for that of a copy, beside the exchange of their directories."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from homeport.contract import DatabaseAddress, Identity
from homeport.contract.database import ADDRESS_FILE, DatabaseExchanged, DatabasesSwept
from homeport.errors import GuardError, HomeportError, UsageError
from homeport.identity import read_identity
from homeport.server.databases.finding import cluster_at
from homeport.storage.dumps.cluster import Cluster, NoDatabaseError, drop, exists, told
from homeport.storage.dumps.exchanging import demand_no_servers, exchange, put_back
from homeport.storage.dumps.scratch import beside, is_kept_as, sweep
from homeport.storage.dumps.stamps import cluster_of, stamp
from homeport.storage.postgres.identity import holds_anything, identity_in
from homeport.storage.postgres.outcomes import forget_all, has_any

_FAILED: Final = "failed"


def exchange_database(
    database: DatabaseAddress, environment: str, data: Path, incoming: Path, label: str, *, onto_empty: bool
) -> DatabaseExchanged:
    """See :func:`homeport.server.databases.exchange`."""
    live = Cluster(database)
    identity = read_identity(incoming)
    if identity is None or identity["environment"] != environment:
        raise GuardError(f"{incoming} does not hold data of {environment}: nothing was exchanged.")
    kept = beside(live.name, label)
    _check_ours(live, environment)
    comes = cluster_at(incoming, database).name
    done = False
    if comes != live.name:
        demand_no_servers(live, environment)
        # Else it was exchanged by a run that was killed, and what is there now is what came.
        if _existing(live, comes):
            if onto_empty:
                demand_empty(database)
            # What is there later was left by a server that has written since.
            with live.beside(comes).connected() as connection, told(f"The database {comes} cannot be prepared"):
                forget_all(connection)
        done = exchange(live, comes, kept)
    stamp(incoming, live)
    if (data / ADDRESS_FILE).exists():
        stamp(data, live.beside(kept))
    return DatabaseExchanged(database=live.name, kept=kept, left=None, done=done)


def put_database_back(
    database: DatabaseAddress, environment: str, data: Path, incoming: Path, served: Path | None, label: str
) -> DatabaseExchanged:
    """See :func:`homeport.server.databases.put_back`."""
    live = Cluster(database)
    kept, left = beside(live.name, label), beside(live.name, f"{_FAILED}_{label}")
    done = _put_back(live, environment, _called_by(database, incoming, served), kept, left)
    if (data / ADDRESS_FILE).exists():
        stamp(data, live)
    (incoming / ADDRESS_FILE).unlink(missing_ok=True)
    stays = bool(_existing(live, left))
    if stays and served is not None and (served / ADDRESS_FILE).exists():
        stamp(served, live.beside(left))
    elif stays and served is not None and not _was_served(live.beside(left)):
        stays = False
        with live.managed() as connection:
            drop(connection, left, force=True)
    return DatabaseExchanged(database=live.name, kept=None, left=left if stays else None, done=done)


def _put_back(live: Cluster, environment: str, came: str | None, kept: str, left: str) -> bool:
    """Renames the databases back, where that is due.

    Args:
        live: the environment's database.
        environment: whose.
        came: what the copy's directory calls its database, where there is such a directory.
        kept: the name of what was kept.
        left: the name that what took its place gets.

    Returns:
        Whether it was due.

    Raises:
        GuardError: a server has the database open.
        HomeportError: what was kept is gone.
    """
    if came is not None and came not in (live.name, left) and _existing(live, came):
        return False  # It was never exchanged; what has the name of what is kept is another operation's.
    there = _existing(live, kept, left)
    if there == [kept]:
        demand_no_servers(live, environment)
        return put_back(live, left, kept)
    if not there and came is not None:
        raise HomeportError(
            f"The database {kept}, which {environment} had before, is gone: it cannot be given back.",
            f"What took its place is still there. homeport restore {environment} brings a backup in.",
        )
    return False


def _called_by(database: DatabaseAddress, *directories: Path | None) -> str | None:
    """The name of the database that the first of these directories says that it has; None where none says anything."""
    found = (cluster_of(one, database) for one in directories if one is not None)
    return next((one.name for one in found if one is not None), None)


def _existing(live: Cluster, *names: str) -> list[str]:
    with live.managed() as connection:
        return [one for one in names if exists(connection, one)]


def _was_served(left: Cluster) -> bool:
    """Whether a server has written to a database since it took another's place, or nobody can tell."""
    try:
        with left.connected() as connection, told(f"The database {left.name} cannot be read"):
            return has_any(connection)
    except HomeportError:
        return True


def demand_empty(database: DatabaseAddress) -> None:
    """See :func:`homeport.server.databases.demand_empty`."""
    cluster = Cluster(database)
    found, is_full = _look(cluster)
    if not is_full:
        return
    place = f"{cluster.shown[0].upper()}{cluster.shown[1:]}"
    raise GuardError(
        f"{place} is not empty, it holds {_whose(found)}: nothing was moved.",
        "Name an empty one. Who is sure that nobody needs what is in it drops it, and makes it anew.",
    )


def _look(cluster: Cluster) -> tuple[Identity | None, bool]:
    """What a database says of itself, and whether it holds anything; one that is not there holds nothing."""
    try:
        with cluster.connected() as connection, told(f"The database {cluster.name} cannot be read"):
            return identity_in(connection), holds_anything(connection)
    except NoDatabaseError:
        return None, False


def _whose(found: Identity | None) -> str:
    return "tables that are not Homeport's" if found is None else f"data of {found['environment']}"


def _check_ours(live: Cluster, environment: str) -> None:
    """What is about to be kept is the environment's, or nothing yet.

    Raises:
        GuardError: it is another's.
    """
    found, is_full = _look(live)
    if (found is None and is_full) or (found is not None and found["environment"] != environment):
        raise GuardError(
            f"{live.shown} holds {_whose(found)}: nothing was exchanged.",
            f"Declare a database for {environment} alone.",
        )


def drop_kept(database: DatabaseAddress, label: str) -> str | None:
    """See :func:`homeport.server.databases.drop_kept`."""
    if not is_kept_as(label):
        raise UsageError(
            f"No operation keeps a database as {label!r}: nothing was dropped.",
            "homeport doctor names those that are kept, and the label of each.",
        )
    live = Cluster(database)
    name = beside(live.name, label)
    with live.managed() as connection:
        if not exists(connection, name):
            return None
        drop(connection, name, force=True)
    return name


def sweep_databases(database: DatabaseAddress) -> DatabasesSwept:
    """See :func:`homeport.server.databases.sweep`."""
    return DatabasesSwept(swept=sweep(Cluster(database)))
