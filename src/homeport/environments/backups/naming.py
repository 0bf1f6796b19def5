"""What the files of a backup are called, and which backup a person means.

``data-20261002T061500Z.tar.zst`` (with ``.age`` behind it where it is sealed) is the archive and
``data-20261002T061500Z.json`` what is known about it. ``20261002T061500Z`` is the backup's id: the second it was begun
in; the next one of the same second is ``20261002T061500Z-2``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

from homeport.environments.names import did_you_mean
from homeport.errors import UsageError

LATEST: Final = "latest"
"""Names the newest good backup."""

_PREFIX: Final = "data-"
_STAMP: Final = "%Y%m%dT%H%M%SZ"
_ID: Final = re.compile(r"(?P<stamp>[0-9]{8}T[0-9]{6}Z)(?:-(?P<number>[2-9]|[1-9][0-9]{1,5}))?")
_ENDINGS: Final = {".tar.zst": ("archive", False), ".tar.zst.age": ("archive", True), ".json": ("record", False)}

Kind = Literal["archive", "record"]


@dataclass(frozen=True, slots=True)
class BackupFile:
    """A file name that belongs to a backup."""

    name: str
    backup: str
    """The id."""
    kind: Kind
    sealed: bool


def is_backup_id(text: str) -> bool:
    """Whether ``text`` has the form of an id, with a date that exists."""
    found = _ID.fullmatch(text)
    if found is None:
        return False
    try:
        datetime.strptime(found["stamp"], _STAMP).replace(tzinfo=UTC)
    except ValueError:
        return False
    return True


def new_backup_id(moment: datetime, taken: Collection[str] = ()) -> str:
    """The id of a backup that begins at ``moment``, none of those that are ``taken``."""
    stamp = moment.astimezone(UTC).strftime(_STAMP)
    name, number = stamp, 1
    while name in taken:
        number += 1
        name = f"{stamp}-{number}"
    return name


def moment_of(backup: str) -> datetime:
    """When a backup was begun, from its id."""
    return datetime.strptime(backup.partition("-")[0], _STAMP).replace(tzinfo=UTC)


def age_order(backup: str) -> tuple[str, int]:
    """Sorts ids from the oldest to the newest; as text, ``-10`` would stand before ``-2``."""
    stamp, _, number = backup.partition("-")
    return stamp, int(number or 1)


def stem(backup: str) -> str:
    """What the names of a backup's files begin with, and the one directory at the top of its archive."""
    return f"{_PREFIX}{backup}"


def archive_name(backup: str, *, sealed: bool = False) -> str:
    """The name of the archive's file."""
    return f"{stem(backup)}.tar.zst{'.age' if sealed else ''}"


def record_name(backup: str) -> str:
    """The name of the file beside it."""
    return f"{stem(backup)}.json"


def parse_name(name: str) -> BackupFile | None:
    """What a file name says; None for a file that is none of a backup's."""
    if not name.startswith(_PREFIX):
        return None
    backup, dot, rest = name.removeprefix(_PREFIX).partition(".")
    if dot + rest not in _ENDINGS or not is_backup_id(backup):
        return None
    kind, sealed = _ENDINGS[dot + rest]
    return BackupFile(name, backup, "archive" if kind == "archive" else "record", sealed)


def backups_among(names: Iterable[str]) -> list[BackupFile]:
    """The files of backups among other files, oldest first; archive before record."""
    found = [file for name in names if (file := parse_name(name)) is not None]
    return sorted(found, key=lambda file: (age_order(file.backup), file.kind, file.name))


def choose_backup(named: str, known: Collection[str], where: str) -> str:
    """The id that a person means: an id, a file's name, or ``latest``.

    Args:
        named: as it was typed.
        known: the ids there are; for ``latest``, those that may be meant by it.
        where: the place, for the error.

    Raises:
        UsageError: there is none, or none of that name.
    """
    if not known:
        raise UsageError(f"There is no backup in {where}.", "homeport backup create makes one.")
    if named == LATEST:
        return max(known, key=age_order)
    file = parse_name(named)
    backup = file.backup if file else named.removeprefix(_PREFIX)
    if backup not in known:
        guess = did_you_mean(backup, sorted(known))
        raise UsageError(f"There is no backup {named} in {where}{guess or '.'}", "homeport backup list shows all.")
    return backup
