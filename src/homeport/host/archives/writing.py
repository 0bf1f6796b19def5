"""Packs a snapshot into an archive, in one pass and with little memory."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Final

from homeport.environments.backups.manifest import (
    LARGEST_MANIFEST,
    MOST_ENTRIES,
    DirectoryEntry,
    FileEntry,
    Manifest,
    manifest_text,
    parse_manifest,
)
from homeport.environments.backups.naming import parse_name, stem
from homeport.errors import HomeportError
from homeport.files import sync_directory
from homeport.host.archives import tar, zstd
from homeport.host.archives.sealing import Recipient, seal
from homeport.host.archives.streams import CHUNK, Progress, write_all
from homeport.host.archives.tree import TreeEntry, entry_of, read_tree

DATA: Final = "data"
"""The directory in an archive that stands for the data directory."""
MANIFEST: Final = "manifest.json"
_TEMPORARY: Final = ".tmp"
_MODE: Final = 0o600


@dataclass(frozen=True, slots=True)
class Contents:
    """What was packed: all of a manifest that only the packing can know."""

    files: tuple[FileEntry, ...]
    directories: tuple[DirectoryEntry, ...]


@dataclass(frozen=True, slots=True)
class Written:
    """An archive under its final name, on the disk."""

    path: Path
    size: int
    sha256: str
    manifest: Manifest


def write_archive(
    tree: Path,
    target: Path,
    describe: Callable[[Contents], Manifest],
    *,
    recipients: Sequence[Recipient] = (),
    progress: Progress | None = None,
) -> Written:
    """Packs all that is below ``tree``.

    Args:
        tree: a snapshot; nobody changes it meanwhile. It may hold files and directories alone.
        target: named by :func:`~homeport.environments.backups.naming.archive_name`; must not exist.
        describe: makes the manifest once everything else is packed.
        recipients: public keys to seal it to; the name must then end in ``.age``.
        progress: told of bytes of files packed.

    Raises:
        HomeportError: something in ``tree`` cannot be packed or has changed meanwhile, or the archive cannot be
            written; there is then no file of that name and no part of one.
    """
    named = parse_name(target.name)
    if named is None or named.kind != "archive" or named.sealed != bool(recipients):
        raise ValueError(f"{target.name} is not the name of such an archive")
    if target.exists():
        raise HomeportError(f"{target} exists already.", "Each backup has a name of its own.")
    packing = _Packing(tree, named.backup, describe, progress)
    out = _Target(target)
    try:
        packed = zstd.compress(packing.chunks())
        if recipients:
            seal(packed, out, recipients)
        else:
            for chunk in packed:
                out.write(chunk)
        out.finish()
    except BaseException:
        out.discard()
        raise
    return Written(target, out.size, out.sha256, packing.manifest)


def remove_leftovers(directory: Path) -> list[str]:
    """Removes what writers that were killed left in a directory of backups. Nobody may be writing there now.

    Returns:
        The names.
    """
    names = []
    for file in sorted(directory.glob(".data-*.tmp")):
        file.unlink()
        names.append(file.name)
    return names


class _Packing:
    """A snapshot on its way into an archive."""

    def __init__(
        self, tree: Path, backup: str, describe: Callable[[Contents], Manifest], progress: Progress | None
    ) -> None:
        self._tree = tree
        self._backup = backup
        self._describe = describe
        self._progress = progress
        self._made: Manifest | None = None

    @property
    def manifest(self) -> Manifest:
        """Known once all is packed."""
        if self._made is None:
            raise ValueError("not all is packed yet")
        return self._made

    def chunks(self) -> Iterator[bytes]:
        """The tar file."""
        entries = read_tree(self._tree)
        if len(entries) > MOST_ENTRIES:
            raise HomeportError(f"{self._tree} holds more than {MOST_ENTRIES} files, more than a backup can.")
        top = f"{stem(self._backup)}/{DATA}"
        newest = max((entry.mtime for entry in entries), default=0)
        yield tar.encode(tar.Header(top, is_directory=True, size=0, mode=0o700, mtime=newest))
        files: list[FileEntry] = []
        for entry in entries:
            if entry.is_directory:
                yield _header(f"{top}/{entry.path}", entry)
            else:
                sha256 = yield from self._file(f"{top}/{entry.path}", entry)
                files.append(FileEntry(entry.path, entry.size, sha256, entry.mode))
        directories = tuple(DirectoryEntry(entry.path, entry.mode) for entry in entries if entry.is_directory)
        text = self._described(Contents(tuple(files), directories))
        name = f"{stem(self._backup)}/{MANIFEST}"
        yield tar.encode(tar.Header(name, is_directory=False, size=len(text), mode=0o600, mtime=newest))
        yield text + tar.padding(len(text)) + tar.END

    def _described(self, contents: Contents) -> bytes:
        """The manifest's text. One that could not be read again is not written."""
        self._made = self._describe(contents)
        text = manifest_text(self._made)
        if len(text) > LARGEST_MANIFEST:
            raise HomeportError(f"{self._tree} holds too many files, or too long names, for one backup.")
        if parse_manifest(text, MANIFEST) != self._made or self._made.backup != self._backup:
            raise ValueError("the manifest is not one of this archive")
        return text

    def _file(self, name: str, entry: TreeEntry) -> Generator[bytes, None, str]:
        file = self._tree / entry.path
        changed = HomeportError(f"{str(file)!r} changed while it was packed.", "Only a snapshot that rests is packed.")
        try:
            with os.fdopen(os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb", buffering=0) as stream:
                if entry_of(entry.path, os.fstat(stream.fileno())) != entry:
                    raise changed
                yield _header(name, entry)
                sha256, left = hashlib.sha256(), entry.size
                while chunk := stream.read(min(CHUNK, left + 1)):
                    left -= len(chunk)
                    if left < 0:
                        raise changed
                    sha256.update(chunk)
                    yield chunk
                    if self._progress is not None:
                        self._progress(len(chunk))
        except OSError as error:
            raise HomeportError(f"{str(file)!r} cannot be read: {error.strerror}.") from None
        if left:
            raise changed
        yield tar.padding(entry.size)
        return sha256.hexdigest()


def _header(name: str, entry: TreeEntry) -> bytes:
    return tar.encode(tar.Header(name, entry.is_directory, entry.size, entry.mode, entry.mtime))


class _Target:
    """A file that gets its name only once it is whole and on the disk."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._sha256 = hashlib.sha256()
        self.size = 0
        with self._explained():
            descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=_TEMPORARY, dir=path.parent)
            self._temporary = Path(name)
            self._stream = FileIO(descriptor, "wb")

    @property
    def sha256(self) -> str:
        return self._sha256.hexdigest()

    def write(self, data: bytes | memoryview) -> int:
        """All of ``data``."""
        with self._explained():
            write_all(self._stream, data)
        self._sha256.update(data)
        self.size += len(data)
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def finish(self) -> None:
        """Brings it to the disk and gives it its name."""
        with self._explained():
            os.fsync(self._stream.fileno())
            self._stream.close()
            self._temporary.rename(self._path)
            sync_directory(self._path.parent)

    def discard(self) -> None:
        """Leaves nothing."""
        with suppress(OSError):
            self._stream.close()
        self._temporary.unlink(missing_ok=True)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise HomeportError(f"{self._path} cannot be written: {error.strerror}. Nothing of it was kept.") from None
