"""Gets a backup's data out of its archive, from wherever that lies, and looks whether they are what was saved."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from homeport.contract.database import Keeping
from homeport.environments.backups.comparing import find_differences
from homeport.environments.backups.data_steps import DATA
from homeport.environments.backups.manifest import Manifest
from homeport.environments.backups.naming import archive_name, backups_among, choose_backup, record_name
from homeport.environments.backups.record import Record, parse_record
from homeport.errors import GuardError, HomeportError, UsageError
from homeport.host.archives.extracting import extract
from homeport.host.archives.sealing import Identity
from homeport.host.backups.creating import Surroundings
from homeport.host.data.seam import DataDescription
from homeport.host.places.opening import open_place, read_credentials
from homeport.host.places.place import Place

_MOST_RECORD: Final = 1 << 20
"""Bytes of a record."""


@dataclass(frozen=True, slots=True)
class Unpacked:
    """A backup's data, unpacked.

    Attributes:
        directory: where.
        manifest: with which every byte agrees.
        description: what an examination found.
    """

    directory: Path
    manifest: Manifest
    description: DataDescription

    @property
    def findings(self) -> list[str]:
        """What is wrong with them, in words; empty where they are what was saved."""
        found = self.description
        differences = find_differences(
            self.manifest,
            identity=found.identity,
            schema_version=found.schema_version,
            counts=found.counts,
            position=found.position,
        )
        return [*found.problems, *differences]


def unpack(
    around: Surroundings, backup: str, work: Path, place: str | None = None, identities: Sequence[Identity] = ()
) -> Unpacked:
    """Unpacks a backup into ``work/data`` and examines it.

    Args:
        around: of its environment.
        backup: its id.
        work: an empty directory, which may keep the archive too.
        place: where the archive is read from; None for the shelf.
        identities: where it is sealed.

    Raises:
        ArchiveError: the archive is not what was written.
        HomeportError: there is none, it is sealed to others, there is no room, or it cannot be read.
    """
    with found_archive(around, backup, work, place) as (archive, record):
        manifest = extract(archive, work / DATA, record, identities, around.told("unpacking"))
    around.progress("examining", 0)
    return Unpacked(work / DATA, manifest, around.seam.ready(work / DATA))


def check_fit(around: Surroundings, unpacked: Unpacked) -> None:
    """Makes sure that data may become the environment's.

    Raises:
        GuardError: they are another environment's or another application's, or newer than the release.
        HomeportError: they are not what was saved.
    """
    environment, manifest = around.environment, unpacked.manifest
    if manifest.environment != environment.name:
        raise GuardError(
            f"{manifest.backup} is a backup of {manifest.environment}, not of {environment.name}.",
            "homeport sync brings one environment's data into another.",
        )
    if (manifest.application == "foreign") != environment.is_foreign:
        raise GuardError(
            f"{manifest.backup} holds no sound data of the server of {environment.name}.",
            "homeport restore --to DIR unpacks it without touching the environment.",
        )
    if unpacked.description.too_new:
        raise GuardError(
            f"{manifest.backup} has the schema {manifest.schema_version}, which the release that runs does not know.",
            "Deploy a release that knows it first, or restore an older backup.",
        )
    if unpacked.findings:
        raise HomeportError(
            f"What {manifest.backup} holds is not sound: {unpacked.findings[0]}.",
            "Restore another backup; homeport restore --to DIR gets this one's files out all the same.",
            findings=unpacked.findings,
        )


def find_at_place(around: Surroundings, named: str, place: str | None) -> str:
    """The id of the backup that a person means, at a place or on the shelf.

    Raises:
        UsageError: there is none.
    """
    if place is None:
        return around.shelf.find(named).backup
    found = backups_among(one.name for one in place_of(around, place).files())
    return choose_backup(named, [one.backup for one in found if one.kind == "archive"], place)


def place_of(around: Surroundings, name: str) -> Place:
    """A place by its name or URL, declared or not."""
    for one in around.places():
        if one.name == name:
            return one
    policy = around.environment.backup
    return open_place(name, read_credentials(Path(policy.credentials)) if policy.credentials else None)


def read_record(around: Surroundings, backup: str, place: str | None) -> Record | None:
    """What is known of a backup: from the shelf, or else from the place that has it; None where neither knows.

    Raises:
        ManifestError: it cannot be believed.
    """
    try:
        return around.shelf.find(backup)
    except HomeportError:
        if place is None:
            raise
    there = place_of(around, place)
    if record_name(backup) not in {one.name for one in there.files()}:
        return None
    text = b""
    for chunk in there.read(record_name(backup)):
        text += chunk
        if len(text) > _MOST_RECORD:
            raise HomeportError(f"{there.name}/{record_name(backup)} is too long for a record.")
    return parse_record(text, f"{there.name}/{record_name(backup)}")


def keeping_of(around: Surroundings, backup: str, place: str | None) -> Keeping | None:
    """What the data of a backup were in; None where nothing is known of it, or it is an earlier version's."""
    try:
        record = read_record(around, backup, place)
    except HomeportError:
        return None
    return None if record is None or record.summary is None else record.summary.keeping


@contextmanager
def found_archive(
    around: Surroundings, backup: str, beside: Path, place: str | None
) -> Iterator[tuple[Path, Record | None]]:
    """The archive as a file on this machine, and its record; what was fetched for it goes with the block.

    Args:
        around: of its environment.
        backup: its id.
        beside: a directory for what has to be fetched.
        place: where it is read from; None for the shelf.

    Raises:
        HomeportError: there is none, or it cannot be read.
    """
    record = read_record(around, backup, place)
    if place is not None:
        with tempfile.TemporaryDirectory(prefix=".fetched-", dir=beside) as directory:
            yield _fetched(around, backup, Path(directory), place_of(around, place)), record
        return
    archive = around.shelf.archive(record) if record is not None else None
    if archive is None or not archive.is_file():
        raise HomeportError(
            f"{archive or backup} is missing.",
            "homeport backup show names the places that have a copy; --from PLACE takes it from there.",
        )
    yield archive, record


def _fetched(around: Surroundings, backup: str, directory: Path, place: Place) -> Path:
    names = {one.name for one in place.files()}
    name = next((one for one in (archive_name(backup), archive_name(backup, sealed=True)) if one in names), None)
    if name is None:
        raise UsageError(f"There is no backup {backup} at {place.name}.")
    told = around.told(f"fetching from {place.name}")
    try:
        with (directory / name).open("xb") as out:
            for chunk in place.read(name):
                out.write(chunk)
                told(len(chunk))
    except OSError as error:
        raise HomeportError(f"{directory / name} cannot be written: {error.strerror}.") from None
    return directory / name
