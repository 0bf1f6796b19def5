"""Takes a snapshot of an environment's data while its server writes."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from homeport.contract import DATABASE_FILE, IDENTITY_FILE, DatabaseAddress, SnapshotTaken
from homeport.contract.database import ADDRESS_FILE
from homeport.datalock import find_holder
from homeport.errors import CannotStartError, GuardError, HomeportError, UsageError
from homeport.files import sync_directory
from homeport.identity import check_owner, may_begin, write_identity
from homeport.server.snapshots.facts import described, files_of
from homeport.storage.snapshots.copying import copy_database, sync_file
from homeport.storage.snapshots.examining import Examination, look

_PRIVATE: Final = 0o700


def take(
    data_directory: Path, environment: str, target: Path, database: DatabaseAddress | None = None
) -> SnapshotTaken:
    """See :func:`homeport.server.take_snapshot`.

    The identity is written last: what was never finished has none, and no server opens it.
    """
    began = time.monotonic()
    _check_apart(data_directory, target)
    identity = check_owner(data_directory, environment)
    if identity is None:
        raise _nothing(data_directory, environment)
    in_database = (data_directory / ADDRESS_FILE).exists()
    if not in_database and not (data_directory / DATABASE_FILE).is_file():
        if may_begin(data_directory):
            raise _nothing(data_directory, environment)
        raise CannotStartError(
            f"{data_directory / DATABASE_FILE} is missing, though {IDENTITY_FILE} beside it says whose data these are.",
            "Restore the last backup.",
        )
    live = find_holder(data_directory) is not None
    before = _inode(data_directory)
    with _filled(target):
        examined: Examination | None = None
        if in_database:
            from homeport.server.databases.taking import dump_into

            examined = dump_into(data_directory, target, database)
        else:
            copy_database(data_directory / DATABASE_FILE, target / DATABASE_FILE)
        left_out = _copy_others(data_directory, target)
        if _inode(data_directory) != before or check_owner(data_directory, environment) != identity:
            raise HomeportError(
                f"{data_directory} was exchanged while it was copied.", "Wait until that is over, and try again."
            )
        write_identity(target, identity)
        # A database was looked at while it was dumped, in the same moment: nobody restores the dump for that.
        found = described(
            target, examined or look(target / DATABASE_FILE, frozen=True, deep=False), deep=False, began=began
        )
        if found["problems"]:
            raise _unsound(data_directory, found["problems"][0]["text"], found["problems"])
    return SnapshotTaken(
        source=str(data_directory),
        live=live,
        left_out=left_out,
        took_seconds=round(time.monotonic() - began, 3),
        facts=found,
    )


def _nothing(data_directory: Path, environment: str) -> UsageError:
    return UsageError(f"{environment} holds no data yet ({data_directory}).", "There is nothing to take.")


def _check_apart(data_directory: Path, target: Path) -> None:
    data, place = data_directory.resolve(), target.resolve()
    if place.is_relative_to(data) or data.is_relative_to(place):
        raise GuardError(f"{target} is not apart from the data in {data_directory}.", "Name a place outside.")


@contextmanager
def _filled(target: Path) -> Iterator[None]:
    """An empty directory, made where it is missing; as it was before if what fills it fails.

    Raises:
        GuardError: something is in it.
        HomeportError: it cannot be made.
    """
    made = False
    try:
        if not target.exists():
            target.mkdir(_PRIVATE)
            made = True
            sync_directory(target.parent)
        elif not target.is_dir() or any(target.iterdir()):
            raise GuardError(f"{target} is not an empty directory.", "Name one that is missing or empty.")
    except OSError as error:
        raise HomeportError(f"{target} cannot be made: {error.strerror}.", "Look at the directory around it.") from None
    try:
        yield
    except BaseException as error:
        _empty(target)
        if made:
            target.rmdir()
        if isinstance(error, OSError):
            what = f"{error.filename or target}: {error.strerror}"
            raise HomeportError(f"The snapshot failed: {what}.", "Nothing is left of it; look at the disk.") from error
        raise
    for directory in (*(path for path in target.rglob("*") if path.is_dir()), target):
        sync_directory(directory)


def _empty(directory: Path) -> None:
    for path in directory.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _copy_others(data_directory: Path, target: Path) -> list[str]:
    """Copies what belongs to the data besides the database and the identity; answers what is no regular file."""
    left_out = []
    for found in files_of(data_directory):
        if not found.is_file:
            left_out.append(found.path)
        elif found.path not in (DATABASE_FILE, IDENTITY_FILE, ADDRESS_FILE):
            place = target / found.path
            place.parent.mkdir(parents=True, exist_ok=True, mode=_PRIVATE)
            # One that has gone since it was listed is no part of the data any more.
            with suppress(FileNotFoundError):
                shutil.copy(data_directory / found.path, place, follow_symlinks=False)
                sync_file(place)
    return left_out


def _inode(directory: Path) -> tuple[int, int]:
    status = os.stat(directory)  # noqa: PTH116 - not of the link, should it be one: of what it leads to
    return status.st_dev, status.st_ino


def _unsound(data_directory: Path, what: str, problems: object) -> CannotStartError:
    return CannotStartError(
        f"The data in {data_directory} are not sound, and the copy of them was not kept: {what}",
        f"Restore the last good backup. homeport data facts {data_directory} --deep lists all that is wrong.",
        problems=problems,
    )
