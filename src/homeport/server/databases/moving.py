"""Makes a snapshot of data in a file into data in a database, or the other way round."""

from __future__ import annotations

import time
from pathlib import Path

from homeport.contract import DATABASE_FILE, DatabaseAddress, DataFacts, Identity
from homeport.contract.database import ADDRESS_FILE, DUMP_FILE, DataConverted
from homeport.errors import GuardError, UsageError
from homeport.files import sync_directory
from homeport.identity import read_identity
from homeport.server.databases.loading import load
from homeport.server.snapshots.facts import described, facts
from homeport.server.snapshots.scratch import scratch as alone
from homeport.storage.dumps.cluster import Cluster
from homeport.storage.dumps.loading import BrokenDumpError
from homeport.storage.dumps.scratch import made, sweep
from homeport.storage.dumps.stamps import stamp
from homeport.storage.moving.copying import Moved, into_database, into_file
from homeport.storage.snapshots.examining import Examination


def convert_to_database(directory: Path, environment: str, target: DatabaseAddress) -> DataConverted:
    """See :func:`homeport.server.databases.convert`."""
    began, identity, path = time.monotonic(), _identity(directory, environment), directory / DATABASE_FILE
    if not path.is_file():
        raise UsageError(f"{path} is missing.", "Name a snapshot of data in a file.")
    live = Cluster(target)
    # What a trial of this move left, or a run that was killed.
    sweep(live)
    with alone(directory):
        with made(live, directory) as scratch:
            moved = into_database(path, scratch, identity)
            stamp(directory, scratch)
        path.unlink()
        sync_directory(directory)
    return _converted(moved, began)


def convert_to_file(directory: Path, environment: str) -> DataConverted:
    """See :func:`homeport.server.databases.convert`."""
    began, identity, dump = time.monotonic(), _identity(directory, environment), directory / DUMP_FILE
    if not dump.is_file():
        raise UsageError(f"{dump} is missing.", "Name a snapshot of data in a database.")
    with alone(directory):
        (directory / DATABASE_FILE).unlink(missing_ok=True)
        moved = into_file(dump, directory / DATABASE_FILE)
        if moved.identity != identity["id"]:
            raise BrokenDumpError(
                f"{dump} holds the data {moved.identity}, and those of {directory} are {identity['id']}.",
                "Use another backup.",
            )
        dump.unlink()
        sync_directory(directory)
    return _converted(moved, began)


def load_into(directory: Path, environment: str, database: DatabaseAddress | None) -> DataFacts:
    """See :func:`homeport.server.databases.load_into`."""
    began = time.monotonic()
    if database is None and (directory / DUMP_FILE).exists():
        try:
            convert_to_file(directory, environment)
        except BrokenDumpError as error:
            found = Examination()
            found.problem("damaged", error.sentence)
            return described(directory, found, deep=True, began=began)
    elif database is not None and (directory / DATABASE_FILE).exists() and not (directory / ADDRESS_FILE).exists():
        before = facts(directory, deep=True)
        if before["problems"]:
            return before
        convert_to_database(directory, environment, database)
    return load(directory, database)


def _identity(directory: Path, environment: str) -> Identity:
    """Of a snapshot that may be changed, and may come to the environment's server."""
    identity = read_identity(directory) if directory.is_dir() else None
    if identity is None or (directory / ADDRESS_FILE).exists():
        raise GuardError(f"{directory} is no snapshot: nothing was changed.", "Take one, and convert that.")
    if identity["environment"] != environment:
        raise GuardError(
            f"{directory} holds data of {identity['environment']}, not of {environment}: nothing was changed.",
            "homeport sync brings one environment's data into another.",
        )
    return identity


def _converted(moved: Moved, began: float) -> DataConverted:
    return DataConverted(
        rows={name: one.rows for name, one in moved.tables.items()},
        digests={name: one.digest for name, one in moved.tables.items()},
        seconds=round(time.monotonic() - began, 3),
    )
