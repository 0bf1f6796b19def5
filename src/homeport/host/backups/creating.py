"""Makes a backup: recorded before it begins, packed from a consistent copy, read back from every place it goes to."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from homeport import __version__
from homeport.environments.backups.manifest import Manifest
from homeport.environments.backups.naming import archive_name, record_name
from homeport.environments.backups.record import ArchiveFile, Copy, Record, summarise, with_copy
from homeport.environments.backups.steps import AbandonBackup, MakeBackup
from homeport.environments.environment import Environment
from homeport.environments.steps import Step
from homeport.errors import HomeportError
from homeport.host.archives.sealing import Recipient, read_recipients
from homeport.host.archives.streams import Progress
from homeport.host.archives.tree import remove_tree
from homeport.host.archives.verifying import compare, compare_chunks
from homeport.host.archives.writing import Contents, write_archive
from homeport.host.backups.shelf import Shelf
from homeport.host.backups.source import live_source, refuse_nesting
from homeport.host.backups.state import write_state
from homeport.host.data.own import OwnData
from homeport.host.data.raw import copy_raw
from homeport.host.data.seam import DataDescription, DataSeam
from homeport.host.places.directory import DirectoryPlace
from homeport.host.places.opening import open_place, read_credentials
from homeport.host.places.place import Place


def _silent(what: str, done: int) -> None:
    """Nobody watches."""


Rehearsal = Callable[[Path, Manifest, Path], None]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What backups of one environment are made with.

    Attributes:
        environment: whose.
        seam: to its data.
        release: that runs; None where nobody knows.
        rehearse: serves data that were restored aside, with their manifest, on a socket at a path, and asks that
            server; raises HomeportError where it answers not as it should. None where nobody knows how.
        progress: told what is going on, and how many bytes more of it are done.
        now: the clock.
        monotonic: seconds.
    """

    environment: Environment
    seam: DataSeam
    release: str | None = None
    rehearse: Rehearsal | None = None
    progress: Callable[[str, int], None] = field(default=_silent)
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    monotonic: Callable[[], float] = time.monotonic

    @property
    def shelf(self) -> Shelf:
        """Where its backups lie."""
        return Shelf(Path(self.environment.backups_directory), self.environment.name)

    def places(self) -> list[Place]:
        """The declared places besides the shelf.

        Raises:
            UsageError: one has no credentials, or wrong ones.
        """
        policy = self.environment.backup
        credentials = read_credentials(Path(policy.credentials)) if policy.credentials else None
        return [open_place(url, credentials) for url in policy.places]

    def told(self, what: str) -> Progress:
        """A callback that tells of bytes of one thing."""
        return lambda count: self.progress(what, count)


class BackupMaker:
    """:class:`MakeBackup`.

    Args:
        surroundings: of the release that serves.
        program: from another release's id to what runs its ``homeport``.
    """

    def __init__(self, surroundings: Surroundings, program: Callable[[str], Sequence[str]]) -> None:
        self._around = surroundings
        self._program = program

    def inverse(self, step: MakeBackup) -> tuple[Step, ...]:
        return (AbandonBackup(step.environment, step.backup),)

    def apply(self, step: MakeBackup) -> dict[str, object]:
        around = self._around
        if step.release:
            seam = OwnData(around.environment, self._program(step.release))
            around = replace(around, seam=seam, release=step.release)
        record = create_backup(around, step.backup, step.origin, however_broken=step.however_broken)
        return {"backup": record.backup, "state": record.state, "copies": [copy.place for copy in record.copies]}


class BackupAbandoner:
    """:class:`AbandonBackup`."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._around = surroundings

    def inverse(self, step: AbandonBackup) -> tuple[Step, ...]:
        return ()

    def apply(self, step: AbandonBackup) -> None:
        abandon_killed(self._around.shelf)
        write_state(self._around.environment, self._around.shelf.readable_records()[0])


def abandon_killed(shelf: Shelf) -> list[Record]:
    """Says of every attempt that is still called begun that it failed, and removes what it left.

    The operation lock is held, so nobody is at it.

    Returns:
        The records as they are now.
    """
    shelf.tidy()
    failed = []
    for record in shelf.readable_records()[0]:
        if record.state == "begun":
            if record.archive is None:
                shelf.archive(record).unlink(missing_ok=True)
                shelf.archive(record).with_name(archive_name(record.backup, sealed=True)).unlink(missing_ok=True)
            failed.append(replace(record, state="failed", reason="It was killed before it was done."))
            shelf.write(failed[-1])
    return failed


def create_backup(around: Surroundings, backup: str, origin: str, *, however_broken: bool = False) -> Record:
    """Makes one backup. The operation lock is held.

    Args:
        around: with what.
        backup: its id; new on the shelf, or of an attempt that is to be made again.
        origin: see :class:`MakeBackup`.
        however_broken: see :class:`MakeBackup`.

    Returns:
        Its record: ``good``, or ``written`` where a place that it was to be copied to failed; that place's copy says
        why. It can then be restored from here, and from nowhere else.

    Raises:
        HomeportError: there is no backup; the record says why, and nothing of it is left but that.
    """
    environment, shelf = around.environment, around.shelf
    begun = Record(
        backup=backup, environment=environment.name, state="begun", created=_stamp(around.now()), origin=origin
    )
    places = around.places()
    source = live_source(environment)
    refuse_nesting(environment, source, [shelf.directory, *_directories(places)])
    recipients = read_recipients(environment.backup.recipients)
    shelf.tidy()
    shelf.write(begun)
    try:
        record = _written(around, begun, source, recipients, however_broken=however_broken)
    except BaseException as error:
        _clear(shelf, begun)
        shelf.write(replace(begun, state="failed", reason=str(error) or type(error).__name__))
        raise
    shelf.write(record)
    record = _copied(around, record, places)
    shelf.write(record)
    write_state(environment, shelf.readable_records()[0])
    return record


def _written(
    around: Surroundings, begun: Record, source: Path, recipients: Sequence[Recipient], *, however_broken: bool
) -> Record:
    """Copies, packs, and reads the archive back from the disk."""
    shelf, began = around.shelf, around.monotonic()
    scratch = shelf.scratch(begun.backup)
    around.progress("copying", 0)
    description, damaged = _copy_of(around, source, scratch, however_broken=however_broken)
    target = shelf.directory / archive_name(begun.backup, sealed=bool(recipients))
    target.unlink(missing_ok=True)

    def describe(contents: Contents) -> Manifest:
        return _manifest(around, begun, description, source, contents, around.monotonic() - began)

    written = write_archive(scratch, target, describe, recipients=recipients, progress=around.told("packing"))
    remove_tree(scratch)
    record = replace(
        begun,
        state="written",
        archive=ArchiveFile(target.name, written.size, written.sha256, bool(recipients)),
        summary=summarise(written.manifest),
        damaged=damaged,
    )
    compare(target, record, around.told("reading back"))
    return record


def _copy_of(
    around: Surroundings, source: Path, scratch: Path, *, however_broken: bool
) -> tuple[DataDescription, str | None]:
    """A consistent copy; or the files as they lie there, with what is wrong, where any copy is better than none."""
    try:
        return _sound_copy(around, source, scratch), None
    except HomeportError as error:
        if not however_broken:
            raise
        if scratch.exists():
            remove_tree(scratch)
        around.progress("copying file by file", 0)
        lost = copy_raw(source, scratch)
        # Whatever they were, they are files now, of which nothing is known.
        return DataDescription("foreign", oddities=tuple(lost)), error.sentence


def _sound_copy(around: Surroundings, source: Path, scratch: Path) -> DataDescription:
    found = around.seam.snapshot(source, scratch)
    if found.problems:
        raise HomeportError(f"The copy of {source} is not sound: {found.problems[0]}", "homeport doctor says more.")
    return found


def _manifest(
    around: Surroundings, begun: Record, description: DataDescription, source: Path, contents: Contents, seconds: float
) -> Manifest:
    return Manifest(
        backup=begun.backup,
        environment=begun.environment,
        application=description.application,
        identity=description.identity,
        release=around.release,
        version=__version__,
        schema_version=description.schema_version,
        counts=description.counts,
        position=description.position,
        created=begun.created,
        took_seconds=round(seconds, 3),
        source=str(source),
        origin=begun.origin,
        files=contents.files,
        directories=contents.directories,
    )


def _copied(around: Surroundings, record: Record, places: Sequence[Place]) -> Record:
    """The record with what came of each place; ``good`` only if every one of them gave back what was put there."""
    for place in places:
        record = with_copy(record, copy_to(around, record, place))
    if all(copy.state == "good" for copy in record.copies):
        return replace(record, state="good")
    return record


def copy_to(around: Surroundings, record: Record, place: Place) -> Copy:
    """Puts an archive and its record at a place, and reads the archive back from there."""
    archive = around.shelf.archive(record)
    try:
        place.put(archive, archive.name, around.told(f"copying to {place.name}"))
        read_back(around, record, place)
        place.put(around.shelf.directory / record_name(record.backup), record_name(record.backup))
    except HomeportError as error:
        return Copy(place.name, "failed", _stamp(around.now()), str(error))
    return Copy(place.name, "good", _stamp(around.now()))


def read_back(around: Surroundings, record: Record, place: Place) -> None:
    """Reads an archive from a place and compares every byte with what was written, not what they unpack to.

    Raises:
        HomeportError: it is another, or cannot be read.
    """
    name = around.shelf.archive(record).name
    compare_chunks(place.read(name), f"{place.name}/{name}", record, around.told(f"reading back from {place.name}"))


def _directories(places: Sequence[Place]) -> list[Path]:
    return [Path(place.name) for place in places if isinstance(place, DirectoryPlace)]


def _clear(shelf: Shelf, begun: Record) -> None:
    """Takes away what an attempt made; what cannot be taken away is found by the next one."""
    for sealed in (False, True):
        (shelf.directory / archive_name(begun.backup, sealed=sealed)).unlink(missing_ok=True)
    shelf.tidy()


def _stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")
