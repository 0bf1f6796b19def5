"""Reads an archive once, from its first byte to its last, and believes nothing of it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from homeport.environments.backups.manifest import (
    LARGEST_MANIFEST,
    MOST_ENTRIES,
    MOST_MODE,
    DirectoryEntry,
    FileEntry,
    Manifest,
    parse_manifest,
)
from homeport.environments.backups.naming import archive_name, parse_name, stem
from homeport.environments.backups.paths import parent_of, why_unsafe
from homeport.host.archives import tar, zstd
from homeport.host.archives.refusal import BrokenError
from homeport.host.archives.sealing import Identity, unseal
from homeport.host.archives.streams import ByteStream
from homeport.host.archives.writing import DATA, MANIFEST

MOST_BYTES: Final = 1 << 42


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much may be in an archive; what has more is not read any further."""

    entries: int = MOST_ENTRIES
    bytes: int = MOST_BYTES


class Sink(Protocol):
    """What is done with the members of an archive, as they pass."""

    def directory(self, entry: DirectoryEntry) -> None:
        """A directory; its parent has passed before."""

    def file(self, path: str, header: tar.Header, pieces: Iterator[memoryview]) -> None:
        """A file; all pieces must be taken."""


class Ignoring:
    """Only looks."""

    def directory(self, entry: DirectoryEntry) -> None:
        pass

    def file(self, path: str, header: tar.Header, pieces: Iterator[memoryview]) -> None:
        for _ in pieces:
            pass


def read_archive(
    chunks: Iterable[bytes], name: str, sink: Sink, bounds: Bounds, identities: Sequence[Identity] = ()
) -> Manifest:
    """Reads every byte; each member passes through ``sink``.

    Args:
        chunks: of the file as it lies there.
        name: of the file; says whether it is sealed, and which backup it must be.
        sink: is given members whose names are safe, each once, before it is known whether the archive is good.
        bounds: of what may be in it.
        identities: where it is sealed.

    Returns:
        The manifest, with which everything that was read agrees.

    Raises:
        BrokenError: at the first thing that is wrong.
        ManifestError: the manifest is.
    """
    named = parse_name(name)
    if named is None or named.kind != "archive":
        raise BrokenError(f"is not named as an archive is ({archive_name('20261002T061500Z')})")
    opened = unseal(chunks, identities) if named.sealed else iter(chunks)
    source = ByteStream(zstd.decompress(opened))
    reading = _Reading(source, named.backup, sink, bounds)
    manifest = reading.run()
    # Behind the end of the tar file there is nothing; asking for it has the frame's checksum compared.
    if not source.at_end():
        raise BrokenError("has bytes behind its end")
    if next(opened, b""):
        raise BrokenError("has bytes behind its end")
    return manifest


class _Reading:
    def __init__(self, source: ByteStream, backup: str, sink: Sink, bounds: Bounds) -> None:
        self._source = source
        self._backup = backup
        self._sink = sink
        self._bounds = bounds
        self._data = f"{stem(backup)}/{DATA}"
        self._files: list[FileEntry] = []
        self._directories: list[DirectoryEntry] = []
        self._seen: set[str] = set()
        self._parents = {""}
        self._bytes = 0

    def run(self) -> Manifest:
        self._top()
        while (header := tar.read_header(self._source)) is not None:
            if header.name == f"{stem(self._backup)}/{MANIFEST}":
                return self._last(header)
            self._member(header)
        raise BrokenError("has no manifest.json at its end")

    def _top(self) -> None:
        header = tar.read_header(self._source)
        if header is None or header.name != self._data or not header.is_directory or header.size:
            raise BrokenError(f"does not begin with the directory {self._data}", header.name if header else None)

    def _member(self, header: tar.Header) -> None:
        path = self._checked(header)
        if header.is_directory:
            entry = DirectoryEntry(path, header.mode)
            self._directories.append(entry)
            self._parents.add(path)
            self._sink.directory(entry)
            return
        sha256 = hashlib.sha256()
        self._sink.file(path, header, _hashed(self._source.pieces(header.size), sha256.update))
        self._files.append(FileEntry(path, header.size, sha256.hexdigest(), header.mode))
        self._skip_padding(header)

    def _skip_padding(self, header: tar.Header) -> None:
        padding = tar.padding(header.size)
        if self._source.exactly(len(padding)) != padding:
            raise BrokenError("is damaged: there are bytes between two files", header.name)

    def _checked(self, header: tar.Header) -> str:
        """The member's path below the data directory, once nothing is wrong with its header."""
        if reason := why_unsafe(header.name):
            raise BrokenError(reason, header.name)
        top, _, path = header.name.partition(f"{self._data}/")
        if top or not path:
            raise BrokenError(f"is not below {self._data}", header.name)
        if path in self._seen:
            raise BrokenError("is there twice", header.name)
        if parent_of(path) not in self._parents:
            raise BrokenError("is in a directory that is not there", header.name)
        if header.is_directory and header.size:
            raise BrokenError("is a directory with bytes in it", header.name)
        if header.mode > MOST_MODE:
            raise BrokenError("would bring rights with it", header.name)
        self._seen.add(path)
        self._bytes += header.size
        if len(self._seen) > self._bounds.entries:
            raise BrokenError(
                f"has more than the {self._bounds.entries} files and directories it may have", header.name
            )
        if self._bytes > self._bounds.bytes:
            raise BrokenError(f"has more than the {self._bounds.bytes} bytes it may have", header.name)
        return path

    def _last(self, header: tar.Header) -> Manifest:
        if header.is_directory or header.size > LARGEST_MANIFEST:
            raise BrokenError("is no manifest", header.name)
        manifest = parse_manifest(self._source.exactly(header.size), header.name)
        self._skip_padding(header)
        if (extra := tar.read_header(self._source)) is not None:
            raise BrokenError("stands behind the manifest", extra.name)
        if manifest.backup != self._backup:
            raise BrokenError(f"is the manifest of the backup {manifest.backup}", header.name)
        for declared, found in ((manifest.files, self._files), (manifest.directories, self._directories)):
            if list(declared) != found:
                raise _difference(declared, found)
        return manifest


def _hashed(pieces: Iterator[memoryview], update: Callable[[memoryview], None]) -> Iterator[memoryview]:
    for piece in pieces:
        update(piece)
        yield piece


def _difference(
    declared: Sequence[FileEntry | DirectoryEntry], found: Sequence[FileEntry | DirectoryEntry]
) -> BrokenError:
    """The first thing in which an archive and its manifest disagree."""
    said, there = ({entry.path: entry for entry in entries} for entries in (declared, found))
    for path in said:
        if path not in there:
            return BrokenError("is in the manifest and not in the archive", path)
        if said[path] != there[path]:
            return BrokenError("is not what the manifest says (size, sha256 or mode)", path)
    extra = next((path for path in there if path not in said), None)
    return BrokenError("is not in the manifest" if extra else "is not in the order of its manifest", extra)
