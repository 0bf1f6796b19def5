"""What is in a database, or in a dump of one."""

from __future__ import annotations

from pathlib import Path

from homeport.contract import DatabaseAddress
from homeport.contract.database import DUMP_FILE
from homeport.server.databases.finding import demand_cluster
from homeport.storage.dumps.examining import look
from homeport.storage.dumps.loading import BrokenDumpError, loaded
from homeport.storage.dumps.stamps import cluster_of
from homeport.storage.snapshots.examining import Examination


def examine_data(directory: Path, database: DatabaseAddress | None, *, deep: bool) -> Examination:
    """What the database of a data directory holds; a snapshot's dump is restored for it, into a scratch database.

    Args:
        directory: of data, or a snapshot.
        database: the environment's.
        deep: see :func:`homeport.storage.dumps.examining.examine`.

    Raises:
        UsageError: nobody said on which server a dump can be restored.
        HomeportError: no scratch database can be made.
    """
    cluster = cluster_of(directory, database)
    if cluster is not None:
        return look(cluster, deep=deep)
    try:
        with loaded(demand_cluster(directory, database), directory / DUMP_FILE) as scratch:
            return look(scratch, deep=deep)
    except BrokenDumpError as error:
        found = Examination()
        found.problem("damaged", error.sentence)
        return found
