"""Makes a snapshot of one environment into data of another."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path

from homeport.contract import (
    APPLICATION,
    DATABASE_FILE,
    IDENTITY_FILE,
    SNAPSHOT_FILE,
    DataFacts,
    DataPrepared,
    Identity,
    Origin,
    Scrub,
)
from homeport.coordination.scrub import PRESETS
from homeport.errors import GuardError, HomeportError, UsageError
from homeport.files import sync_directory, write_atomically
from homeport.identity import new_identity, read_identity, write_identity
from homeport.server.snapshots.facts import facts, first_problem
from homeport.server.snapshots.scratch import scratch
from homeport.storage.migrations.revisions import HEAD, REVISIONS
from homeport.storage.snapshots.scrubbing import scrub
from homeport.storage.sqlite.database import DatabaseError
from homeport.storage.sqlite.faults import cannot_start


def prepare(directory: Path, environment: str, origin: str, policy: Scrub) -> DataPrepared:
    """See :func:`homeport.server.prepare_snapshot`.

    The identity goes first and comes last: where this is cut off, the directory is nobody's, and no server opens what
    is half scrubbed.
    """
    began = time.monotonic()
    identity = _checked(directory, environment, origin)
    with scratch(directory):
        before = facts(directory, deep=False)
        if problem := first_problem(before):
            raise problem
        _check_known(before)
        (directory / IDENTITY_FILE).unlink()
        sync_directory(directory)
        path = directory / DATABASE_FILE
        try:
            found = scrub(path, PRESETS[policy])
        except DatabaseError as error:
            raise HomeportError(cannot_start(error, path).sentence, "Take a new snapshot.") from error
        now = datetime.now(UTC)
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
        write_identity(directory, new_identity(environment, now=lambda: now))
        after = facts(directory, deep=False)
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
    return identity
