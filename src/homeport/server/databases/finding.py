"""Which database a directory's data are in, and on which server scratch databases are made."""

from __future__ import annotations

from pathlib import Path

from homeport.contract import DatabaseAddress
from homeport.contract.database import ADDRESS_FILE, DUMP_FILE
from homeport.errors import CannotStartError, UsageError
from homeport.storage.dumps.cluster import Cluster
from homeport.storage.dumps.stamps import cluster_of


def demand_cluster(directory: Path, database: DatabaseAddress | None) -> Cluster:
    """The database beside which a dump is restored.

    Raises:
        UsageError: nobody named one.
    """
    if database is None:
        raise UsageError(
            f"{directory / DUMP_FILE} is a dump of a PostgreSQL database, and no server is declared to restore it on.",
            "Declare the environment whose data these are, with its database, and name the file with --config.",
        )
    return Cluster(database)


def cluster_at(directory: Path, database: DatabaseAddress | None) -> Cluster:
    """The database that a data directory names.

    Raises:
        CannotStartError: it names none any more.
    """
    cluster = cluster_of(directory, database)
    if cluster is None:
        raise CannotStartError(f"{directory / ADDRESS_FILE} is gone.", "Put it back from a backup.")
    return cluster
