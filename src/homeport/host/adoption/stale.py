"""Packs a directory that nobody uses, and proves that the archive has every byte of it."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from homeport import __version__
from homeport.environments.adoption.steps import PackStale, RemovePacked
from homeport.environments.backups.manifest import FileEntry, Manifest
from homeport.environments.steps import RemoveDirectory, Step
from homeport.errors import HomeportError
from homeport.files import sync_directory, write_atomically
from homeport.host.archives.tree import read_tree
from homeport.host.archives.verifying import verify
from homeport.host.archives.writing import Contents, remove_leftovers, write_archive
from homeport.host.hands import Hands

_CHECKSUM: Final = ".sha256"


class StalePacker:
    """:class:`PackStale`."""

    def inverse(self, step: PackStale) -> tuple[Step, ...]:
        return (RemovePacked(step.archive), RemoveDirectory(step.archive.parent))

    def apply(self, step: PackStale) -> dict[str, object]:
        source, archive = Path(step.directory), Path(step.archive)
        archive.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        remove_leftovers(archive.parent)
        archive.unlink(missing_ok=True)
        began = datetime.now(UTC)

        def describe(contents: Contents) -> Manifest:
            return Manifest(
                backup=step.backup,
                environment=step.environment,
                application="foreign",
                identity=None,
                release=None,
                version=__version__,
                schema_version=None,
                position=None,
                created=began.isoformat(timespec="milliseconds"),
                took_seconds=round((datetime.now(UTC) - began).total_seconds(), 3),
                source=str(source),
                origin="stale",
                files=contents.files,
                directories=contents.directories,
            )

        written = write_archive(source, archive, describe)
        read = verify(archive)
        if read.sha256 != written.sha256 or read.manifest is None:
            raise HomeportError(f"{archive} is not read back as it was written.", "Is its disk sound?")
        _compare(source, read.manifest.files)
        # As sha256sum writes it, so that sha256sum --check reads it.
        write_atomically(archive.with_name(archive.name + _CHECKSUM), f"{read.sha256}  {archive.name}\n", mode=0o600)
        return {"archive": str(archive), "sha256": read.sha256, "bytes": read.size, "files": len(read.manifest.files)}


class PackedRemover:
    """:class:`RemovePacked`."""

    def inverse(self, step: RemovePacked) -> tuple[Step, ...]:
        return ()

    def apply(self, step: RemovePacked) -> None:
        archive = Path(step.archive)
        if not archive.parent.is_dir():
            return
        remove_leftovers(archive.parent)
        for file in (archive, archive.with_name(archive.name + _CHECKSUM)):
            file.unlink(missing_ok=True)
        sync_directory(archive.parent)


STALE_HANDS: Final[Hands] = {PackStale: StalePacker(), RemovePacked: PackedRemover()}


def _compare(source: Path, packed: tuple[FileEntry, ...]) -> None:
    """Reads the directory once more: what the archive has is what lies there now."""
    wanted = {entry.path: (entry.size, entry.sha256) for entry in packed}
    there = {
        entry.path: (entry.size, _hash(source / entry.path)) for entry in read_tree(source) if not entry.is_directory
    }
    if there != wanted:
        odd = min(set(there.items()) ^ set(wanted.items()))[0]
        raise HomeportError(f"{source}/{odd} changed while it was packed: somebody uses it after all.")


def _hash(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
