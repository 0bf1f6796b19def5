"""Unpacks an archive into a new directory, and nowhere else.

It is read twice. First all of it, writing nothing: only an archive in which everything agrees is unpacked at all. Then
each member is held to the manifest of the first reading before it is written. The directory gets its name at the end.
"""

from __future__ import annotations

import glob
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Final

from homeport.environments.backups.manifest import DirectoryEntry, Manifest
from homeport.environments.backups.record import Record
from homeport.errors import HomeportError
from homeport.files import sync_directory
from homeport.host.archives.reading import Bounds, Ignoring, Sink
from homeport.host.archives.refusal import BrokenError, refusing
from homeport.host.archives.sealing import Identity
from homeport.host.archives.streams import Progress, file_chunks, write_all
from homeport.host.archives.tar import Header
from homeport.host.archives.tree import remove_tree
from homeport.host.archives.verifying import bounds_of, forget_cache, scan

_TEMPORARY: Final = ".tmp"
_ROOM_FOR_OTHERS: Final = 8 * 1024 * 1024
"""Bytes that stay free, for directories and for whoever else writes there."""


class NotUnpackedError(HomeportError):
    """It could not be unpacked where it was to be, which says nothing of the archive."""


def extract(
    archive: Path,
    into: Path,
    record: Record | None = None,
    identities: Sequence[Identity] = (),
    progress: Progress | None = None,
) -> Manifest:
    """Unpacks the data of an archive.

    Args:
        archive: the file.
        into: becomes the data directory, mode 0700, with everything in it on the disk. Must not exist; the directory it
            is in must.
        record: what was written; the archive must be exactly that.
        identities: where it is sealed.
        progress: told of bytes of the file read; it is read twice.

    Returns:
        The archive's manifest, with which everything that was unpacked agrees.

    Raises:
        ArchiveError: the archive is not good; ``into`` does not exist then, and nothing is left beside it.
        NotUnpackedError: there is no room, or it cannot be written; as above.
        HomeportError: ``into`` exists, or something cannot be read; as above.
    """
    if os.path.lexists(into):
        raise HomeportError(f"{into} exists already.", "Unpack into a directory that does not exist yet.")
    name = str(archive)
    free = _free_bytes(into.parent)
    if record is not None and record.summary is not None and record.summary.bytes > free:
        # Before it is read with that bound: an archive is not to blame for a disk.
        raise _no_room(archive, record.summary.bytes, into, free)
    reading = _Reading(archive, record, identities, progress)
    manifest = reading.run(Ignoring(), bounds_of(record, free))
    if manifest.total_bytes > free:
        raise _no_room(archive, manifest.total_bytes, into, free)
    temporary = _make_beside(into)
    try:
        unpacking = _Unpacking(temporary, manifest)
        bounds = Bounds(len(manifest.files) + len(manifest.directories), manifest.total_bytes)
        with refusing(name):
            _must_agree(manifest, reading.run(unpacking, bounds))
        with _explained(into):
            unpacking.finish()
            temporary.rename(into)
            sync_directory(into.parent)
    except BaseException:
        remove_tree(temporary)
        raise
    return manifest


def _no_room(archive: Path, needed: int, into: Path, free: int) -> NotUnpackedError:
    return NotUnpackedError(
        f"{archive} holds {needed} bytes, and {into.parent} has room for {free}.",
        "Make room there, or name another place.",
    )


def remove_unpacked_leftovers(into: Path) -> list[str]:
    """Removes what unpacking into ``into`` left where it was killed. Nobody may be unpacking there now.

    Returns:
        The names.
    """
    names = []
    for directory in sorted(into.parent.glob(f".{glob.escape(into.name)}.*{_TEMPORARY}")):
        remove_tree(directory)
        names.append(directory.name)
    return names


def _must_agree(first: Manifest, second: Manifest) -> None:
    if first != second:
        raise BrokenError("changed while it was read")


@dataclass(frozen=True, slots=True)
class _Reading:
    archive: Path
    record: Record | None
    identities: Sequence[Identity]
    progress: Progress | None

    def run(self, sink: Sink, bounds: Bounds) -> Manifest:
        name = str(self.archive)
        with refusing(name), self.archive.open("rb", buffering=0) as stream:
            forget_cache(stream)
            found = scan(
                file_chunks(stream),
                name,
                sink,
                record=self.record,
                bounds=bounds,
                identities=self.identities,
                progress=self.progress,
            )
        if found.manifest is None:
            raise HomeportError(f"{name} is sealed.", "Give the identity file that it was sealed to: --identity FILE.")
        return found.manifest


class _Unpacking:
    """Writes members that the manifest has, below a directory that nobody else may enter."""

    def __init__(self, top: Path, manifest: Manifest) -> None:
        self._top = top
        self._files = {entry.path: entry for entry in manifest.files}
        self._directories = {entry.path: entry for entry in manifest.directories}

    def directory(self, entry: DirectoryEntry) -> None:
        if self._directories.get(entry.path) != entry:
            raise BrokenError("is not in the manifest", entry.path)
        with _explained(self._top / entry.path):
            (self._top / entry.path).mkdir(mode=0o700)

    def file(self, path: str, header: Header, pieces: Iterator[memoryview]) -> None:
        entry = self._files.get(path)
        if entry is None or (entry.size, entry.mode) != (header.size, header.mode):
            raise BrokenError("is not in the manifest", path)
        target = self._top / path
        with _explained(target):
            descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            out = FileIO(descriptor, "wb")
        with out:
            for piece in pieces:
                with _explained(target):
                    write_all(out, piece)
            with _explained(target):
                os.fchmod(descriptor, header.mode)
                os.utime(descriptor, (header.mtime, header.mtime))

    def finish(self) -> None:
        """Everything to the disk; directories get their modes last, since they may forbid writing."""
        for path in self._files:
            _sync_file(self._top / path)
        for path in reversed(self._directories):
            sync_directory(self._top / path)
            (self._top / path).chmod(self._directories[path].mode)
        sync_directory(self._top)


def _sync_file(file: Path) -> None:
    # A mode of 0 forbids opening it again, save for root.
    mode = file.stat().st_mode
    if not mode & 0o400:
        file.chmod(0o600)
    descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
        os.fchmod(descriptor, mode & 0o777)
    finally:
        os.close(descriptor)


def _make_beside(into: Path) -> Path:
    with _explained(into):
        return Path(tempfile.mkdtemp(prefix=f".{into.name}.", suffix=_TEMPORARY, dir=into.parent))


def _free_bytes(directory: Path) -> int:
    with _explained(directory):
        found = os.statvfs(directory)
    return max(0, found.f_bavail * found.f_frsize - _ROOM_FOR_OTHERS)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise NotUnpackedError(f"{str(path)!r} cannot be written: {error.strerror}. Nothing was unpacked.") from None
