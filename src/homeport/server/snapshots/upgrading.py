"""Brings a snapshot to the schema of this release."""

from __future__ import annotations

import time
from pathlib import Path

from homeport.contract import DATABASE_FILE, DatabaseAddress, DataUpgraded
from homeport.contract.database import ADDRESS_FILE, DUMP_FILE
from homeport.errors import HomeportError, MigrationError, UsageError
from homeport.server.snapshots.facts import facts, first_problem
from homeport.server.snapshots.scratch import scratch
from homeport.storage.snapshots.upgrading import Upgrade
from homeport.storage.snapshots.upgrading import upgrade as upgrade_database
from homeport.storage.sqlite.database import DatabaseError
from homeport.storage.sqlite.faults import cannot_start


def upgrade(directory: Path, database: DatabaseAddress | None = None) -> DataUpgraded:
    """See :func:`homeport.server.upgrade_snapshot`."""
    began = time.monotonic()
    path = directory / DATABASE_FILE
    if (directory / ADDRESS_FILE).exists() or (directory / DUMP_FILE).exists():
        from homeport.server.databases.upgrading import upgraded

        done, after = upgraded(directory, database)
    elif path.is_file():
        with scratch(directory):
            done = _upgraded(path)
            after = facts(directory, deep=True)
    else:
        raise UsageError(f"{path} is missing.", "Name a snapshot.")
    if problem := first_problem(after):
        raise problem
    return DataUpgraded(
        directory=str(directory),
        from_schema=done.from_schema,
        to_schema=after["schema_version"] or done.from_schema,
        ran=done.ran,
        rows=done.rows,
        migrating_seconds=round(done.seconds, 3),
        took_seconds=round(time.monotonic() - began, 3),
        facts=after,
    )


def _upgraded(path: Path) -> Upgrade:
    try:
        return upgrade_database(path)
    except MigrationError as error:
        raise HomeportError(error.sentence, error.hint, **error.details) from error
    except DatabaseError as error:
        sentence = f"The migrations of {path} failed, and it is as it was: {cannot_start(error, path).sentence}"
        raise HomeportError(sentence, "Nothing that is live was touched.") from error
