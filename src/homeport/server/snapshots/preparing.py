"""Makes a snapshot of one environment into data of another."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from homeport.contract import (
    APPLICATION,
    DATABASE_FILE,
    IDENTITY_FILE,
    SNAPSHOT_FILE,
    DatabaseAddress,
    DataFacts,
    DataPrepared,
    Identity,
    Origin,
    Scrub,
)
from homeport.contract.database import ADDRESS_FILE, DUMP_FILE
from homeport.coordination.scrub import PRESETS, Policy
from homeport.errors import GuardError, HomeportError, UsageError
from homeport.files import sync_directory, write_atomically
from homeport.identity import new_identity, read_identity, write_identity
from homeport.server.snapshots.facts import facts, first_problem
from homeport.server.snapshots.scratch import scratch
from homeport.storage.migrations.revisions import HEAD, REVISIONS
from homeport.storage.snapshots.scrubbing import Scrubbed, scrub
from homeport.storage.sqlite.database import DatabaseError
from homeport.storage.sqlite.faults import cannot_start


def prepare(
    directory: Path, environment: str, origin: str, policy: Scrub, database: DatabaseAddress | None = None
) -> DataPrepared:
    """See :func:`homeport.server.prepare_snapshot`.

    The identity goes first and comes last: where this is cut off, the directory is nobody's, and no server opens what
    is half scrubbed.
    """
    began = time.monotonic()
    identity = _checked(directory, environment, origin)
    now = datetime.now(UTC)
    comes = new_identity(environment, now=lambda: now)
    with scratch(directory):
        if (directory / DUMP_FILE).exists():
            from homeport.server.databases.preparing import Dump

            data: Dump | _File = Dump(directory, database)
        else:
            data = _File(directory)
        with data.opened() as before:
            if problem := first_problem(before):
                raise problem
            _check_known(before)
            (directory / IDENTITY_FILE).unlink()
            sync_directory(directory)
            found = data.scrub(PRESETS[policy], comes)
            told = Origin(
                environment=environment,
                origin=origin,
                origin_identity=identity["id"],
                position=before["position"] or 0,
                position_at=before["position_at"],
                prepared_at=now.isoformat(timespec="seconds"),
                scrub=policy,
            )
            write_atomically(directory / SNAPSHOT_FILE, json.dumps(told, indent=2) + "\n")
            write_identity(directory, comes)
            after = data.facts()
        if problem := first_problem(after):
            (directory / IDENTITY_FILE).unlink()
            raise problem
    return DataPrepared(
        origin=told,
        removed=found.removed,
        changed=found.changed,
        took_seconds=round(time.monotonic() - began, 3),
        facts=after,
    )


class _File:
    """The database in a snapshot, as a file of SQLite."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    @contextmanager
    def opened(self) -> Iterator[DataFacts]:
        """What is in it."""
        yield self.facts()

    def scrub(self, policy: Policy, identity: Identity) -> Scrubbed:
        """Takes out what does not belong into another environment."""
        del identity
        path = self._directory / DATABASE_FILE
        try:
            return scrub(path, policy)
        except DatabaseError as error:
            raise HomeportError(cannot_start(error, path).sentence, "Take a new snapshot.") from error

    def facts(self) -> DataFacts:
        """What is in it now."""
        return facts(self._directory, deep=False)


def _check_known(found: DataFacts) -> None:
    """A release may use data of a newer schema, but it does not know what is secret in them."""
    if found["schema_version"] not in REVISIONS:
        raise GuardError(
            f"{found['directory']} has schema {found['schema_version']}, which is newer than {HEAD}: this version does"
            " not know what must be taken out of it.",
            "Use the version that wrote it, or a newer one. Nothing was changed.",
        )


def _checked(directory: Path, environment: str, origin: str) -> Identity:
    if environment == origin:
        raise UsageError(f"{environment} is the environment that the data come from.", "Restore it instead.")
    if not directory.is_dir():
        raise UsageError(f"{directory} is not a directory.", "Name a snapshot.")
    identity = read_identity(directory)
    if identity is None:
        raise GuardError(
            f"{directory} has no {IDENTITY_FILE}: it is no snapshot, or one that was never finished.",
            "Take a new one with homeport data snapshot.",
        )
    if identity["application"] != APPLICATION or identity["environment"] != origin:
        raise GuardError(
            f"{directory} holds data of {identity['environment']} ({identity['application']}), not of {origin}.",
            "Nothing was changed.",
        )
    if (directory / ADDRESS_FILE).exists():
        raise GuardError(f"{directory} is data in a database, and no snapshot.", "Take one, and prepare that.")
    return identity
