"""What a data directory or a snapshot holds, and what is wrong with it; nothing in it is changed by that."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

import orjson

from homeport.contract import (
    APPLICATION,
    BEGINNING_FILE,
    DATABASE_FILE,
    IDENTITY_FILE,
    LOCK_FILES,
    SNAPSHOT_FILE,
    DatabaseAddress,
    DataFacts,
    DataProblem,
    Identity,
    Origin,
)
from homeport.contract.database import ADDRESS_FILE, DUMP_FILE
from homeport.coordination.values import iso
from homeport.datalock import find_holder
from homeport.errors import CannotStartError, HomeportError, UsageError
from homeport.identity import read_identity
from homeport.storage.snapshots.examining import SQLITE_VERSION, Examination, look
from homeport.storage.snapshots.reading import has_log

_NOT_DATA: Final = frozenset(
    LOCK_FILES
    | {BEGINNING_FILE, "lost+found", f".{DATABASE_FILE}-litestream"}
    | {f"{DATABASE_FILE}{suffix}" for suffix in ("-wal", "-shm", "-journal")}
)
"""What is a program's own at work, or the file system's."""


@dataclass(frozen=True, slots=True)
class Found:
    """A file of a data directory, by its path in it."""

    path: str
    status: os.stat_result

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file; no link is."""
        return stat.S_ISREG(self.status.st_mode)


def facts(directory: Path, *, deep: bool, database: DatabaseAddress | None = None) -> DataFacts:
    """See :func:`homeport.server.data_facts`."""
    began = time.monotonic()
    if not directory.is_dir():
        raise UsageError(f"{directory} is not a directory.", "Name a data directory or a snapshot.")
    return described(directory, _examined(directory, deep=deep, database=database), deep=deep, began=began)


def described(directory: Path, examined: Examination, *, deep: bool, began: float) -> DataFacts:
    """What is known of a directory, with what an examination found in its database."""
    identity, problems = _identity(directory)
    if identity is not None and examined.identity not in (None, identity["id"]):
        text = f"The database holds the data {examined.identity}, and {IDENTITY_FILE} says {identity['id']}."
        problems = [*problems, DataProblem(code="wrong_database", text=text)]
    files = {one.path: one.status.st_size for one in files_of(directory) if one.is_file}
    return DataFacts(
        directory=str(directory),
        application=identity["application"] if identity else None,
        environment=identity["environment"] if identity else None,
        identity=identity["id"] if identity else None,
        created=identity["created"] if identity else None,
        schema_version=examined.schema_version,
        pending_migrations=examined.pending_migrations,
        previous_release_can_run=examined.previous_can_run,
        counts=examined.counts,
        position=examined.position,
        position_at=None if examined.position_at is None else iso(examined.position_at),
        files=files,
        bytes=sum(files.values()),
        origin=origin_of(directory),
        sqlite_version=SQLITE_VERSION,
        deep=deep,
        problems=[*problems, *examined.problems],
        took_seconds=round(time.monotonic() - began, 3),
    )


def files_of(directory: Path) -> Iterator[Found]:
    """All that belongs to the data, in the order of paths; a directory is no such thing, what lies in it is."""
    for path in sorted(directory.rglob("*")):
        within = path.relative_to(directory)
        if _NOT_DATA.intersection(within.parts) or (within.name.startswith(".") and within.name.endswith(".tmp")):
            continue
        try:
            status = path.lstat()
        except FileNotFoundError:
            continue
        if not stat.S_ISDIR(status.st_mode):
            yield Found(str(within), status)


def origin_of(directory: Path) -> Origin | None:
    """What stands in the file that data from another environment have; None where it is none of ours."""
    try:
        found = orjson.loads((directory / SNAPSHOT_FILE).read_bytes())
    except (OSError, ValueError):
        return None
    known = isinstance(found, dict) and Origin.__required_keys__ <= found.keys()
    return cast("Origin", found) if known else None


def _identity(directory: Path) -> tuple[Identity | None, list[DataProblem]]:
    try:
        identity = read_identity(directory)
    except CannotStartError as error:
        return None, [DataProblem(code="bad_identity", text=error.sentence)]
    if identity is None:
        text = f"{directory} has no {IDENTITY_FILE}: it is no data directory, or a snapshot that was never finished."
        return None, [DataProblem(code="no_identity", text=text)]
    if identity["application"] != APPLICATION:
        text = f"{directory} holds data of the application {identity['application']}, not of {APPLICATION}."
        return identity, [DataProblem(code="foreign", text=text)]
    return identity, []


def _examined(directory: Path, *, deep: bool, database: DatabaseAddress | None) -> Examination:
    path = directory / DATABASE_FILE
    found = Examination()
    if (directory / ADDRESS_FILE).exists() or (directory / DUMP_FILE).exists():
        from homeport.server.databases.examining import examine_data

        return examine_data(directory, database, deep=deep)
    if not path.is_file():
        if not (directory / BEGINNING_FILE).exists():
            found.problem("no_database", f"{path} is missing.")
        return found
    frozen = not in_use(directory)
    examined = look(path, frozen=frozen, deep=deep)
    if frozen and examined.problems and in_use(directory):
        # A server has come meanwhile: what was seen may be half of a change of its.
        examined = look(path, frozen=False, deep=deep)
    return examined


def in_use(directory: Path) -> bool:
    """Whether somebody has the database open, or left what only an opening brings into it."""
    return find_holder(directory) is not None or has_log(directory / DATABASE_FILE)


def first_problem(found: DataFacts) -> HomeportError | None:
    """The first thing that is wrong, as an error; None where nothing is."""
    if not found["problems"]:
        return None
    return HomeportError(
        f"The data in {found['directory']} are not sound: {found['problems'][0]['text']}",
        f"homeport data facts {found['directory']} --deep lists all that is wrong.",
        problems=found["problems"],
    )
