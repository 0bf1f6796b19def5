"""Migrations of data in their place, and what they say of data at any time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from homeport.contract import DATABASE_FILE, DataMigrated, DataVerified, MigrationFinding
from homeport.datalock import DataLock, LockHolder, find_holder, migrating
from homeport.errors import CannotStartError, GuardError, HomeportError, MigrationError, UsageError
from homeport.identity import check_owner
from homeport.server.snapshots.facts import in_use
from homeport.storage.migrations.revisions import HEAD, REVISIONS, Schema
from homeport.storage.migrations.running import previous_can_run
from homeport.storage.snapshots.reading import open_for_reading
from homeport.storage.snapshots.verifying import verified
from homeport.storage.sqlite.database import DatabaseError
from homeport.storage.sqlite.faults import cannot_start
from homeport.storage.sqlite.migrating import migrate
from homeport.storage.sqlite.opening import WAIT_MS
from homeport.storage.sqlite.revisions import schema_of


def migrate_live(data_directory: Path, environment: str, *, beside: bool) -> DataMigrated:
    """See :func:`homeport.server.migrate_data`."""
    path = data_directory / DATABASE_FILE
    if check_owner(data_directory, environment) is None or not path.is_file():
        raise UsageError(f"{environment} holds no data yet ({data_directory}).", "Its server makes them.")
    with _alone_unless(beside, data_directory, environment) as holder:
        schema = _usable(path)
        if schema.pending and holder is not None and not previous_can_run(schema.pending):
            raise GuardError(
                f"{environment} is in use by {holder}, which cannot live with {', '.join(schema.pending)}.",
                "Stop it first. Nothing was changed.",
            )
        began = time.monotonic()
        if schema.pending:
            with migrating(data_directory) if holder is not None else nullcontext():
                _run(path)
        return DataMigrated(
            environment=environment,
            from_schema=schema.revision or "",
            to_schema=_usable(path).revision or "",
            ran=list(schema.pending),
            live=holder is not None,
            migrating_seconds=round(time.monotonic() - began, 3),
        )


def verify_data(directory: Path) -> DataVerified:
    """See :func:`homeport.server.verify_data`."""
    began = time.monotonic()
    path = directory / DATABASE_FILE
    if not path.is_file():
        raise UsageError(f"{path} is missing.", "Name a data directory or a snapshot.")
    schema = _usable(path)
    # Of a newer schema than it knows, a release can say what its own migrations demand.
    ran = REVISIONS[: REVISIONS.index(schema.revision) + 1] if schema.revision in REVISIONS else REVISIONS
    try:
        found = verified(path, ran, frozen=not in_use(directory))
    except DatabaseError as error:
        raise cannot_start(error, path) from error
    return DataVerified(
        directory=str(directory),
        schema_version=schema.revision or "",
        checked=list(ran),
        findings=[MigrationFinding(migration=one.revision, text=one.text) for one in found],
        took_seconds=round(time.monotonic() - began, 3),
    )


@contextmanager
def _alone_unless(beside: bool, directory: Path, environment: str) -> Iterator[LockHolder | None]:  # noqa: FBT001
    """Holds the lock on data that nobody has open; with ``beside`` it is well if somebody has.

    Raises:
        GuardError: somebody has, and that is not well.
    """
    holder = find_holder(directory)
    if holder is None:
        with DataLock.take(directory):
            yield None
    elif beside:
        yield holder
    else:
        raise GuardError(f"{environment} is in use by {holder}.", "Stop it first: one process has the data open.")


def _usable(path: Path) -> Schema:
    try:
        with open_for_reading(path) as database:
            schema = schema_of(database)
    except DatabaseError as error:
        raise cannot_start(error, path) from error
    if not schema.is_usable:
        raise CannotStartError(
            f"{path} has schema {schema.revision or 'none'}, which this version does not know; it knows up to {HEAD}.",
            "Use the version that wrote it, or a newer one. Nothing was changed.",
        )
    return schema


def _run(path: Path) -> None:
    try:
        migrate(path, wait_ms=WAIT_MS)
    except MigrationError as error:
        raise HomeportError(error.sentence, error.hint, **error.details) from error
    except DatabaseError as error:
        sentence = f"The migrations of {path} failed, and it is as it was: {cannot_start(error, path).sentence}"
        raise HomeportError(sentence, cannot_start(error, path).hint) from error
