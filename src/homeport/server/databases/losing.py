"""What a restore would lose of a database."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

from homeport.contract import DatabaseAddress
from homeport.errors import HomeportError
from homeport.server.databases.finding import cluster_at
from homeport.storage.dumps.cluster import told
from homeport.storage.dumps.examining import tables_of
from homeport.storage.postgres.connection import PostgresDatabase
from homeport.storage.snapshots.losing import Loss
from homeport.storage.sql.database import Database


def counted(
    data_directory: Path, declared: DatabaseAddress | None, count: Callable[[Database, Collection[str]], Loss]
) -> Loss:
    """What ``count`` finds in the database of a data directory.

    Raises:
        HomeportError: it cannot be counted.
    """
    cluster = cluster_at(data_directory, declared)
    try:
        with cluster.connected() as connection, told(f"What is in {cluster.name} cannot be counted"):
            return count(PostgresDatabase(connection), tables_of(connection))
    except HomeportError as error:
        raise HomeportError(
            error.sentence, "A restore can go on without these numbers: the data that are there are kept aside."
        ) from error
