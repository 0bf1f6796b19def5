"""Migrations of data in their place, and what they say of data at any time."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Protocol

from homeport.contract import DATABASE_FILE, DatabaseAddress, DataMigrated, DataVerified, MigrationFinding
from homeport.contract.database import ADDRESS_FILE
from homeport.datalock import DataLock, LockHolder, find_holder, migrating
from homeport.errors import CannotStartError, GuardError, HomeportError, MigrationError, UsageError
from homeport.identity import check_owner
from homeport.server.snapshots.facts import in_use
from homeport.storage.migrations.revisions import HEAD, REVISIONS, Schema
from homeport.storage.migrations.running import Finding, previous_can_run
from homeport.storage.snapshots.reading import open_for_reading
from homeport.storage.snapshots.verifying import verified
from homeport.storage.sqlite.database import DatabaseError
from homeport.storage.sqlite.faults import cannot_start
from homeport.storage.sqlite.migrating import migrate
from homeport.storage.sqlite.opening import WAIT_MS
from homeport.storage.sqlite.revisions import schema_of


class Migrated(Protocol):
    """The database of data that are migrated or verified."""

    def schema(self) -> Schema:
        """Its schema.

        Raises:
            CannotStartError: it cannot be read.
        """

    def migrate(self) -> None:
        """Runs what is pending, in one transaction.

        Raises:
            HomeportError: it failed; the database is as it was.
        """

    def verify(self, revisions: Sequence[str]) -> list[Finding]:
        """What is not as these revisions must have left it.

        Raises:
            CannotStartError: it cannot be read.
        """


def migrate_live(
    data_directory: Path, environment: str, *, beside: bool, database: DatabaseAddress | None = None
) -> DataMigrated:
    """See :func:`homeport.server.migrate_data`."""
    data = _data_of(data_directory, database)
    if check_owner(data_directory, environment) is None or data is None:
        raise UsageError(f"{environment} holds no data yet ({data_directory}).", "Its server makes them.")
    with _alone_unless(beside, data_directory, environment) as holder:
        schema = _usable(data, data_directory)
        if schema.pending and holder is not None and not previous_can_run(schema.pending):
            raise GuardError(
                f"{environment} is in use by {holder}, which cannot live with {', '.join(schema.pending)}.",
                "Stop it first. Nothing was changed.",
            )
        began = time.monotonic()
        if schema.pending:
            with migrating(data_directory) if holder is not None else nullcontext():
                data.migrate()
        return DataMigrated(
            environment=environment,
            from_schema=schema.revision or "",
            to_schema=_usable(data, data_directory).revision or "",
            ran=list(schema.pending),
            live=holder is not None,
            migrating_seconds=round(time.monotonic() - began, 3),
        )


def verify_data(directory: Path, database: DatabaseAddress | None = None) -> DataVerified:
    """See :func:`homeport.server.verify_data`."""
    began = time.monotonic()
    data = _data_of(directory, database)
    if data is None:
        raise UsageError(f"{directory / DATABASE_FILE} is missing.", "Name a data directory or a snapshot.")
    schema = _usable(data, directory)
    # Of a newer schema than it knows, a release can say what its own migrations demand.
    ran = REVISIONS[: REVISIONS.index(schema.revision) + 1] if schema.revision in REVISIONS else REVISIONS
    return DataVerified(
        directory=str(directory),
        schema_version=schema.revision or "",
        checked=list(ran),
        findings=[MigrationFinding(migration=one.revision, text=one.text) for one in data.verify(ran)],
        took_seconds=round(time.monotonic() - began, 3),
    )


def _data_of(directory: Path, database: DatabaseAddress | None) -> Migrated | None:
    """The database of a data directory; None where it has none."""
    if (directory / ADDRESS_FILE).exists():
        from homeport.server.databases.migrating import Database

        return Database(directory, database)
    return _File(directory) if (directory / DATABASE_FILE).is_file() else None


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


def _usable(data: Migrated, directory: Path) -> Schema:
    schema = data.schema()
    if not schema.is_usable:
        raise CannotStartError(
            f"{directory} has schema {schema.revision or 'none'}, which this version does not know; it knows up to"
            f" {HEAD}.",
            "Use the version that wrote it, or a newer one. Nothing was changed.",
        )
    return schema


class _File:
    """A file of SQLite."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._path = directory / DATABASE_FILE

    def schema(self) -> Schema:
        try:
            with open_for_reading(self._path) as database:
                return schema_of(database)
        except DatabaseError as error:
            raise cannot_start(error, self._path) from error

    def migrate(self) -> None:
        try:
            migrate(self._path, wait_ms=WAIT_MS)
        except MigrationError as error:
            raise HomeportError(error.sentence, error.hint, **error.details) from error
        except DatabaseError as error:
            fault = cannot_start(error, self._path)
            sentence = f"The migrations of {self._path} failed, and it is as it was: {fault.sentence}"
            raise HomeportError(sentence, fault.hint) from error

    def verify(self, revisions: Sequence[str]) -> list[Finding]:
        try:
            return verified(self._path, revisions, frozen=not in_use(self._directory))
        except DatabaseError as error:
            raise cannot_start(error, self._path) from error
