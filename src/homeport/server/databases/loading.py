"""Makes a snapshot of a database into data that a server can open: the dump in it is a database by then."""

from __future__ import annotations

import time
from pathlib import Path

from homeport.contract import DatabaseAddress, DataFacts
from homeport.contract.database import ADDRESS_FILE, DUMP_FILE
from homeport.errors import UsageError
from homeport.files import sync_directory
from homeport.server.databases.finding import demand_cluster
from homeport.server.snapshots.facts import described, facts
from homeport.server.snapshots.scratch import scratch as alone
from homeport.storage.dumps.examining import look
from homeport.storage.dumps.loading import BrokenDumpError, loaded
from homeport.storage.dumps.stamps import stamp
from homeport.storage.snapshots.examining import Examination


def load(directory: Path, database: DatabaseAddress | None) -> DataFacts:
    """See :func:`homeport.server.databases.load`."""
    began = time.monotonic()
    if not directory.is_dir():
        raise UsageError(f"{directory} is not a directory.", "Name a snapshot.")
    if (directory / ADDRESS_FILE).exists():
        # A run that was killed had got so far.
        (directory / DUMP_FILE).unlink(missing_ok=True)
    if not (directory / DUMP_FILE).exists():
        return facts(directory, deep=True, database=database)
    cluster = demand_cluster(directory, database)
    with alone(directory):
        try:
            with loaded(cluster, directory / DUMP_FILE, owner=directory) as scratch:
                found = look(scratch, deep=True)
                stamp(directory, scratch)
        except BrokenDumpError as error:
            found = Examination()
            found.problem("damaged", error.sentence)
            return described(directory, found, deep=True, began=began)
        (directory / DUMP_FILE).unlink()
        sync_directory(directory)
    return described(directory, found, deep=True, began=began)
