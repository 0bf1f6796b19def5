"""Exchanges an environment's database for that of a copy, beside the exchange of their directories."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from homeport.contract import DatabaseAddress
from homeport.contract.database import ADDRESS_FILE, DatabaseExchanged, DatabasesSwept
from homeport.errors import GuardError, UsageError
from homeport.identity import read_identity
from homeport.server.databases.finding import cluster_at
from homeport.storage.dumps.cluster import Cluster, NoDatabaseError, drop, exists, told
from homeport.storage.dumps.exchanging import demand_no_servers, exchange, put_back
from homeport.storage.dumps.scratch import beside, is_kept_as, sweep
from homeport.storage.dumps.stamps import stamp
from homeport.storage.postgres.identity import holds_anything, identity_in

_FAILED: Final = "failed"


def exchange_database(
    database: DatabaseAddress, environment: str, data: Path, incoming: Path, label: str
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
        done = exchange(live, comes, kept)
    stamp(incoming, live)
    if (data / ADDRESS_FILE).exists():
        stamp(data, live.beside(kept))
    return DatabaseExchanged(database=live.name, kept=kept, left=None, done=done)


def put_database_back(
    database: DatabaseAddress, data: Path, incoming: Path, served: Path, label: str
) -> DatabaseExchanged:
    """See :func:`homeport.server.databases.put_back`."""
    live = Cluster(database)
    left = beside(live.name, f"{_FAILED}_{label}")
    done = put_back(live, left, beside(live.name, label))
    if (data / ADDRESS_FILE).exists():
        stamp(data, live)
    (incoming / ADDRESS_FILE).unlink(missing_ok=True)
    with live.managed() as connection:
        is_there = exists(connection, left)
        kept = is_there and (served / ADDRESS_FILE).exists()
        if kept:
            # A server may have written to it.
            stamp(served, live.beside(left))
        elif is_there:
            drop(connection, left, force=True)
    return DatabaseExchanged(database=live.name, kept=None, left=left if kept else None, done=done)


def _check_ours(live: Cluster, environment: str) -> None:
    """What is about to be kept is the environment's, or nothing yet.

    Raises:
        GuardError: it is another's.
    """
    try:
        with live.connected() as connection, told(f"The database {live.name} cannot be read"):
            found = identity_in(connection)
            strange = found is None and holds_anything(connection)
    except NoDatabaseError:
        return
    if strange or (found is not None and found["environment"] != environment):
        whose = f"data of {found['environment']}" if found else "tables that are not Homeport's"
        raise GuardError(
            f"{live.shown} holds {whose}: nothing was exchanged.",
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
