"""Reads an archive back from where it lies and compares every byte with what was written."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from homeport.environments.backups.manifest import Manifest
from homeport.environments.backups.naming import parse_name
from homeport.environments.backups.record import ArchiveFile, Record, summarise
from homeport.errors import HomeportError
from homeport.host.archives.reading import MOST_BYTES, Bounds, Ignoring, Sink, read_archive
from homeport.host.archives.refusal import BrokenError, refusing
from homeport.host.archives.sealing import Identity
from homeport.host.archives.streams import Measured, Progress, file_chunks


@dataclass(frozen=True, slots=True)
class Verified:
    """What a good archive is."""

    size: int
    sha256: str
    manifest: Manifest | None
    """None where it is sealed and no identity was at hand: every byte is one that was written, and what they
    hold was not looked at."""


def verify(
    archive: Path, record: Record | None = None, identities: Sequence[Identity] = (), progress: Progress | None = None
) -> Verified:
    """Verifies an archive on a disk; see :func:`verify_chunks`."""
    with refusing(str(archive)), archive.open("rb", buffering=0) as stream:
        forget_cache(stream)
        return verify_chunks(file_chunks(stream), str(archive), record, identities, progress)


def compare(archive: Path, record: Record, progress: Progress | None = None) -> None:
    """Compares an archive on a disk with what was written; see :func:`compare_chunks`."""
    with refusing(str(archive)), archive.open("rb", buffering=0) as stream:
        forget_cache(stream)
        compare_chunks(file_chunks(stream), str(archive), record, progress)


def compare_chunks(chunks: Iterable[bytes], archive: str, record: Record, progress: Progress | None = None) -> None:
    """Reads every byte of an archive as its place gives it, and holds them against what was written.

    What they unpack to is not looked at: that is for :func:`verify_chunks`, and for drills.

    Raises:
        ArchiveError: it is not what was written.
        HomeportError: it cannot be read.
    """
    with refusing(archive):
        measured = Measured(chunks, record.archive.size if record.archive else None, progress)
        for _ in measured:
            pass
        if record.archive is not None:
            _compare(measured, record.archive)


def verify_chunks(
    chunks: Iterable[bytes],
    archive: str,
    record: Record | None = None,
    identities: Sequence[Identity] = (),
    progress: Progress | None = None,
) -> Verified:
    """Verifies an archive as its place gives it.

    Args:
        chunks: all bytes of the file.
        archive: where it is, for errors; its last part is the file's name.
        record: what was written; the file must be exactly that.
        identities: to look into a sealed one.
        progress: told of bytes of the file read.

    Raises:
        ArchiveError: it is not what was written; the archive, and the member where it is about one, are named.
        HomeportError: it cannot be read; or it is sealed, and neither a record nor an identity is at hand.
    """
    return scan(chunks, archive, Ignoring(), record=record, identities=identities, progress=progress)


def scan(
    chunks: Iterable[bytes],
    archive: str,
    sink: Sink,
    *,
    record: Record | None,
    bounds: Bounds | None = None,
    identities: Sequence[Identity] = (),
    progress: Progress | None = None,
) -> Verified:
    """As :func:`verify_chunks`; the members pass through ``sink``."""
    name = archive.rpartition("/")[2]
    written = record.archive if record else None
    named = parse_name(name)
    sealed = named is not None and named.sealed
    if sealed and written is None and not identities:
        raise HomeportError(
            f"{archive} is sealed, and there is no record of what was written.",
            "Give the identity file that it was sealed to: --identity FILE.",
        )
    with refusing(archive):
        measured = Measured(chunks, written.size if written else None, progress)
        manifest = None
        if sealed and not identities:
            for _ in measured:
                pass
        else:
            manifest = read_archive(measured, name, sink, bounds or bounds_of(record), identities)
        if written is not None:
            _compare(measured, written)
        if manifest and record and record.summary and record.summary != summarise(manifest):
            raise BrokenError("is not the backup that its record describes")
    return Verified(measured.size, measured.sha256, manifest)


def bounds_of(record: Record | None, most: int = MOST_BYTES) -> Bounds:
    """How much may be in an archive, going by its record."""
    if record is None or record.summary is None:
        return Bounds(bytes=most)
    summary = record.summary
    return Bounds(summary.files + summary.directories, min(summary.bytes, most))


def forget_cache(stream: IO[bytes]) -> None:
    """Has the file read from its disk, not from what is left of it in memory."""
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _compare(found: Measured, written: ArchiveFile) -> None:
    if found.size != written.size:
        raise BrokenError(f"has {found.size} bytes, and {written.size} were written")
    if found.sha256 != written.sha256:
        raise BrokenError("is not what was written: its sha256 is another")
