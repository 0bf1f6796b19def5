"""Exchanges an environment's database for that of a copy, beside the exchange of their directories."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from homeport.contract import DatabaseAddress
from homeport.contract.database import ADDRESS_FILE, DatabaseExchanged, DatabasesSwept
from homeport.errors import GuardError
from homeport.identity import check_owner, read_identity
from homeport.server.databases.finding import cluster_at
from homeport.storage.dumps.cluster import Cluster, drop, exists
from homeport.storage.dumps.exchanging import demand_no_servers, exchange, put_back
from homeport.storage.dumps.scratch import beside, sweep
from homeport.storage.dumps.stamps import cluster_of, stamp

_FAILED: Final = "failed"


def exchange_database(
    database: DatabaseAddress, environment: str, data: Path, incoming: Path, label: str
) -> DatabaseExchanged:
    """See :func:`homeport.server.databases.exchange`."""
    live = Cluster(database)
    identity = read_identity(incoming)
    if identity is None or identity["environment"] != environment:
        raise GuardError(f"{incoming} does not hold data of {environment}: nothing was exchanged.")
    there = data.is_dir() and check_owner(data, environment) is not None
    kept = beside(live.name, label) if there and cluster_of(data, database) is not None else None
    comes = cluster_at(incoming, database).name
    done = False
    if comes != live.name:
        demand_no_servers(live, environment)
        done = exchange(live, comes, kept)
    stamp(incoming, live)
    if kept is not None:
        stamp(data, live.beside(kept))
    return DatabaseExchanged(database=live.name, kept=kept, left=None, done=done)


def put_database_back(
    database: DatabaseAddress, data: Path, incoming: Path, served: Path, label: str, *, had: bool
) -> DatabaseExchanged:
    """See :func:`homeport.server.databases.put_back`."""
    live = Cluster(database)
    left = beside(live.name, f"{_FAILED}_{label}")
    done = put_back(live, left, beside(live.name, label) if had else None)
    if had and (data / ADDRESS_FILE).exists():
        stamp(data, live)
    with live.managed() as connection:
        is_there = exists(connection, left)
        kept = is_there and (served / ADDRESS_FILE).exists()
        if kept:
            # A server may have written to it.
            stamp(served, live.beside(left))
        elif is_there:
            drop(connection, left, force=True)
    if (incoming / ADDRESS_FILE).exists():
        (incoming / ADDRESS_FILE).unlink()
    return DatabaseExchanged(database=live.name, kept=None, left=left if kept else None, done=done)


def drop_kept(database: DatabaseAddress, label: str) -> None:
    """See :func:`homeport.server.databases.drop_kept`."""
    live = Cluster(database)
    with live.managed() as connection:
        drop(connection, beside(live.name, label), force=True)


def sweep_databases(database: DatabaseAddress) -> DatabasesSwept:
    """See :func:`homeport.server.databases.sweep`."""
    return DatabasesSwept(swept=sweep(Cluster(database)))
