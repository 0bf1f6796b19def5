"""Trees, and archives of them, for tests of backups."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from homeport.environments.backups.manifest import Manifest
from homeport.environments.backups.naming import archive_name, parse_name
from homeport.environments.backups.record import ArchiveFile, Record, summarise
from homeport.host.archives.sealing import Recipient
from homeport.host.archives.writing import Contents, Written, write_archive

BACKUP: Final = "20261002T061500Z"
TREE: Final = {
    "homeport.db": bytes(range(256)) * 300,
    "identity.json": b'{"environment": "production"}\n',
    "empty": b"",
    "messages/.hidden": b"x" * 511,
    "messages/a name with spaces/\u2693 harbour": b"y" * 512,
    "messages/two\nlines": b"z" * 513,
    "messages/" + "long" * 40 + "/" + "name" * 40: b"w" * 1024,
}


def make_tree(
    top: Path, files: Mapping[str, bytes] = TREE, directories: tuple[str, ...] = ("empty directory",)
) -> Path:
    """Files and directories below ``top``."""
    top.mkdir(parents=True)
    for directory in directories:
        (top / directory).mkdir(parents=True)
    for path, content in files.items():
        (top / path).parent.mkdir(parents=True, exist_ok=True)
        (top / path).write_bytes(content)
    return top


def described(backup: str = BACKUP) -> Callable[[Contents], Manifest]:
    """What a command would say of the contents."""
    return lambda contents: Manifest(
        backup=backup,
        environment="production",
        application="homeport",
        identity="0b7c",
        release="1a2b3c4",
        version="0.5.0",
        schema_version="0004",
        counts={"messages": 3},
        position=17,
        created="2026-10-02T06:15:00+00:00",
        took_seconds=0.5,
        source="/srv/production/data",
        origin="command",
        files=contents.files,
        directories=contents.directories,
    )


def packed(tree: Path, directory: Path, *, backup: str = BACKUP, recipients: tuple[Recipient, ...] = ()) -> Written:
    """An archive of ``tree`` in ``directory``."""
    directory.mkdir(exist_ok=True)
    target = directory / archive_name(backup, sealed=bool(recipients))
    return write_archive(tree, target, described(backup), recipients=recipients)


def record_of(written: Written) -> Record:
    """What is kept beside an archive."""
    named = parse_name(written.path.name)
    assert named is not None
    manifest = written.manifest
    return Record(
        backup=manifest.backup,
        environment=manifest.environment,
        state="good",
        created=manifest.created,
        origin=manifest.origin,
        archive=ArchiveFile(written.path.name, written.size, written.sha256, named.sealed),
        summary=summarise(manifest),
    )


def content_of(top: Path) -> dict[str, tuple[int, bytes | None]]:
    """Every path below ``top`` with its mode and what it holds; None for a directory."""
    return dict(_walk(top, top))


def _walk(directory: Path, top: Path) -> Iterator[tuple[str, tuple[int, bytes | None]]]:
    for path in directory.iterdir():
        mode = stat.S_IMODE(path.lstat().st_mode)
        yield str(path.relative_to(top)), (mode, None if path.is_dir() else path.read_bytes())
        if path.is_dir():
            yield from _walk(path, top)
