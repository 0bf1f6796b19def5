"""Makes a snapshot of data in a file into data in a database, or the other way round."""

from __future__ import annotations

import time
from pathlib import Path

from homeport.contract import DATABASE_FILE, DatabaseAddress, Identity
from homeport.contract.database import ADDRESS_FILE, DUMP_FILE, DataConverted
from homeport.errors import CannotStartError, GuardError, UsageError
from homeport.files import sync_directory
from homeport.identity import read_identity
from homeport.server.databases.finding import demand_cluster
from homeport.server.snapshots.scratch import scratch as alone
from homeport.storage.dumps.cluster import Cluster
from homeport.storage.dumps.examining import look
from homeport.storage.dumps.loading import loaded
from homeport.storage.dumps.scratch import made, sweep
from homeport.storage.dumps.stamps import stamp
from homeport.storage.migrations.revisions import HEAD
from homeport.storage.moving.copying import into_database, into_file
from homeport.storage.moving.files import schema_in
from homeport.storage.moving.tables import Digest


def convert_to_database(directory: Path, target: DatabaseAddress) -> DataConverted:
    """See :func:`homeport.server.databases.convert`."""
    began, identity, path = time.monotonic(), _identity(directory), directory / DATABASE_FILE
    if not path.is_file():
        raise UsageError(f"{path} is missing.", "Name a snapshot of data in a file.")
    live = Cluster(target)
    # What a trial of this move left, or a run that was killed.
    sweep(live)
    with alone(directory):
        _demand_current(schema_in(path).revision, path)
        with made(live, directory) as scratch:
            digests = into_database(path, scratch, identity)
            stamp(directory, scratch)
        path.unlink()
        sync_directory(directory)
    return _converted(digests, began)


def convert_to_file(directory: Path, source: DatabaseAddress) -> DataConverted:
    """See :func:`homeport.server.databases.convert`."""
    began, dump = time.monotonic(), directory / DUMP_FILE
    _identity(directory)
    if not dump.is_file():
        raise UsageError(f"{dump} is missing.", "Name a snapshot of data in a database.")
    live = demand_cluster(directory, source)
    # No environment is declared there any more: what a run that was killed left goes now, or stays.
    sweep(live)
    with alone(directory), loaded(live, dump) as scratch:
        _demand_current(look(scratch, deep=False).schema_version, dump)
        (directory / DATABASE_FILE).unlink(missing_ok=True)
        digests = into_file(scratch, directory / DATABASE_FILE)
        dump.unlink()
        sync_directory(directory)
    return _converted(digests, began)


def _identity(directory: Path) -> Identity:
    identity = read_identity(directory) if directory.is_dir() else None
    if identity is None or (directory / ADDRESS_FILE).exists():
        raise GuardError(f"{directory} is no snapshot: nothing was changed.", "Take one, and convert that.")
    return identity


def _demand_current(revision: str | None, path: Path) -> None:
    if revision != HEAD:
        raise CannotStartError(
            f"{path} has schema {revision or 'none'}, and this version moves data of schema {HEAD} alone.",
            "homeport migrate ENV brings them up; data of a newer version are moved by that version.",
        )


def _converted(digests: dict[str, Digest], began: float) -> DataConverted:
    return DataConverted(
        rows={name: one.rows for name, one in digests.items()},
        digests={name: one.digest for name, one in digests.items()},
        seconds=round(time.monotonic() - began, 3),
    )
