"""The directory of an environment's backups: archives, and the record beside each."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from homeport.environments.backups.manifest import ManifestError
from homeport.environments.backups.naming import (
    age_order,
    archive_name,
    backups_among,
    choose_backup,
    new_backup_id,
    record_name,
)
from homeport.environments.backups.record import Record, parse_record, record_text
from homeport.errors import HomeportError
from homeport.files import sync_directory, write_atomically
from homeport.host.archives.tree import remove_tree
from homeport.host.archives.writing import remove_leftovers

SCRATCH: Final = ".snapshot-"
"""What the name of a copy begins with from which an archive is being made."""


class Shelf:
    """The backups of one environment as they lie on this machine.

    Args:
        directory: must exist.
        environment: its name.
    """

    def __init__(self, directory: Path, environment: str) -> None:
        self.directory = directory
        self.environment = environment

    def records(self) -> list[Record]:
        """What is known of every backup and every attempt, the oldest first.

        Raises:
            ManifestError: a record cannot be believed; its file is named.
        """
        return [self._read(file.backup) for file in backups_among(self._names()) if file.kind == "record"]

    def readable_records(self) -> tuple[list[Record], list[ManifestError]]:
        """As :meth:`records`, with what is wrong beside what is right."""
        found, faults = [], []
        for file in backups_among(self._names()):
            if file.kind != "record":
                continue
            try:
                found.append(self._read(file.backup))
            except ManifestError as error:
                faults.append(error)
        return found, faults

    def strays(self) -> list[str]:
        """Archives that lie here without a record."""
        files = backups_among(self._names())
        known = {file.backup for file in files if file.kind == "record"}
        return [file.name for file in files if file.kind == "archive" and file.backup not in known]

    def find(self, named: str) -> Record:
        """The backup that a person means, by its id, a file's name, or ``latest`` (the newest that is usable).

        Raises:
            UsageError: there is none.
            ManifestError: its record cannot be believed.
        """
        records, _ = self.readable_records()
        usable = [one.backup for one in records if one.is_usable]
        known = usable if named == "latest" else [file.backup for file in backups_among(self._names())]
        backup = choose_backup(named, known, str(self.directory))
        try:
            return self._read(backup)
        except FileNotFoundError:
            raise HomeportError(
                f"{self.directory / archive_name(backup)} has no record of what was written.",
                "homeport backup verify FILE looks into it.",
            ) from None

    def new_id(self, moment: datetime) -> str:
        """An id that no backup here has."""
        return new_backup_id(moment, {file.backup for file in backups_among(self._names())})

    def write(self, record: Record) -> None:
        """Puts a record down, in place of the one before."""
        write_atomically(self.directory / record_name(record.backup), record_text(record), mode=0o600)

    def archive(self, record: Record) -> Path:
        """Where the archive of a backup lies, or would."""
        name = record.archive.name if record.archive is not None else archive_name(record.backup)
        return self.directory / name

    def scratch(self, backup: str) -> Path:
        """Where the copy is made from which a backup is packed."""
        return self.directory / f"{SCRATCH}{backup}"

    def remove(self, record: Record) -> None:
        """Removes a backup: the archive first, so that a record without one tells what there was."""
        for file in backups_among(self._names()):
            if file.backup == record.backup and file.kind == "archive":
                (self.directory / file.name).unlink(missing_ok=True)
        sync_directory(self.directory)
        (self.directory / record_name(record.backup)).unlink(missing_ok=True)
        sync_directory(self.directory)

    def tidy(self) -> list[str]:
        """Removes what attempts that were killed left behind, but their records. Nobody may be making one now.

        Returns:
            The names of what is gone.
        """
        gone = remove_leftovers(self.directory)
        for name in self._names():
            if name.startswith(SCRATCH):
                remove_tree(self.directory / name)
                gone.append(name)
        return gone

    def _names(self) -> Sequence[str]:
        return sorted(os.listdir(self.directory))  # noqa: PTH208 - names are what is wanted

    def _read(self, backup: str) -> Record:
        file = self.directory / record_name(backup)
        record = parse_record(file.read_bytes(), str(file))
        if record.environment != self.environment:
            raise HomeportError(
                f"{file} is of {record.environment}, not of {self.environment}.",
                "Backups of two environments do not lie in one directory: move it to its own.",
            )
        return record


def newest(records: Sequence[Record], until: datetime | None = None) -> Record | None:
    """The newest backup that can be restored from here; none that was begun after ``until``."""
    found = (one for one in records if one.is_usable)
    early = (one for one in found if until is None or datetime.fromisoformat(one.created) <= until)
    return max(early, key=lambda one: age_order(one.backup), default=None)
