"""What is in a database, or in a dump of one."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from homeport.contract import DATABASE_FILE, DatabaseAddress
from homeport.contract.database import DUMP_FILE
from homeport.storage.dumps.cluster import Cluster
from homeport.storage.dumps.examining import look
from homeport.storage.dumps.loading import BrokenDumpError, loaded
from homeport.storage.dumps.stamps import cluster_of
from homeport.storage.moving.copying import into_file
from homeport.storage.snapshots.examining import Examination
from homeport.storage.snapshots.examining import look as look_at_file

_TRIED: Final = f".{DATABASE_FILE}.tmp"
"""No part of the data, by its name."""


def examine_data(directory: Path, database: DatabaseAddress | None, *, deep: bool) -> Examination:
    """What the database of a data directory holds; a snapshot's dump is restored for it.

    That is into a scratch database, or into a file where nobody knows of a server.

    Args:
        directory: of data, or a snapshot.
        database: the environment's; None where it has none.
        deep: see :func:`homeport.storage.dumps.examining.examine`.

    Raises:
        HomeportError: no scratch database can be made, or PostgreSQL's programs are missing.
    """
    cluster = cluster_of(directory, database)
    if cluster is not None:
        return look(cluster, deep=deep)
    try:
        if database is None:
            return _as_file(directory, deep=deep)
        with loaded(Cluster(database), directory / DUMP_FILE) as scratch:
            return look(scratch, deep=deep)
    except BrokenDumpError as error:
        found = Examination()
        found.problem("damaged", error.sentence)
        return found


def _as_file(directory: Path, *, deep: bool) -> Examination:
    file = directory / _TRIED
    file.unlink(missing_ok=True)
    try:
        moved = into_file(directory / DUMP_FILE, file)
        found = look_at_file(file, frozen=True, deep=deep)
    finally:
        file.unlink(missing_ok=True)
    found.identity = moved.identity
    return found
