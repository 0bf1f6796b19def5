"""Brings a snapshot of a database to the schema of this release."""

from __future__ import annotations

from pathlib import Path

from homeport.contract import DatabaseAddress, DataFacts
from homeport.errors import GuardError
from homeport.server.databases.finding import cluster_at
from homeport.server.databases.loading import load
from homeport.server.snapshots.facts import facts, first_problem
from homeport.storage.dumps.upgrading import upgrade
from homeport.storage.snapshots.upgrading import Upgrade


def upgraded(directory: Path, database: DatabaseAddress | None) -> tuple[Upgrade, DataFacts]:
    """Runs what is pending on a snapshot, whose dump becomes a scratch database that it keeps.

    Raises:
        GuardError: it is not a copy.
        HomeportError: a migration failed, and the database is as it was; or the dump cannot be restored.
    """
    if problem := first_problem(load(directory, database)):
        raise problem
    cluster = cluster_at(directory, database)
    if database is not None and cluster.address.url == database.url:
        raise GuardError(f"{directory} is data of {cluster.name}: these are live data.", "Take a snapshot of them.")
    return upgrade(cluster), facts(directory, deep=True, database=database)
