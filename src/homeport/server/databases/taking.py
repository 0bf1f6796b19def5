"""The dump in a snapshot."""

from __future__ import annotations

from pathlib import Path

from homeport.contract import DatabaseAddress
from homeport.contract.database import DUMP_FILE
from homeport.server.databases.finding import cluster_at
from homeport.storage.dumps.dumping import dump
from homeport.storage.snapshots.examining import Examination


def dump_into(data_directory: Path, target: Path, database: DatabaseAddress | None) -> Examination:
    """Dumps the database of a data directory into a snapshot.

    Returns:
        What is in it, counted in the same moment.

    Raises:
        CannotStartError: the directory names no database.
        HomeportError: it cannot be dumped.
    """
    return dump(cluster_at(data_directory, database), target / DUMP_FILE).found
