"""What directories hold, who owns them, and what they stand on."""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Final, Literal

from homeport.contract import DATABASE_FILE, IDENTITY_FILE
from homeport.database_url import parse_database_url
from homeport.environments.doctor.facts import DirectoryFact
from homeport.errors import CannotStartError, HomeportError
from homeport.host.commands import run_command
from homeport.identity import read_identity
from homeport.whereabouts import read_whereabouts

MOST_FILES: Final = 200_000
"""Files of one directory that are looked at; what it holds is known well enough by then."""
_SQLITE: Final = b"SQLite format 3\0"
_READ_ONLY: Final = os.ST_RDONLY

Kind = Literal["homeport", "json-v1", "sqlite", "alike", "files", "empty", "unknown"]


def look_at(path: PurePosixPath, like: Iterable[frozenset[str]] = ()) -> DirectoryFact:
    """What is known of a directory.

    Args:
        path: with symbolic links followed.
        like: names that the declared data directories of foreign servers hold; a directory with half of the same
            names is one of their kind.
    """
    real = Path(path)
    try:
        found = real.stat()
    except OSError:
        return DirectoryFact(path=path, exists=False)
    if not stat.S_ISDIR(found.st_mode):
        return DirectoryFact(path=path, exists=False)
    system = os.statvfs(real)
    inside = _walk(real)
    kind = _kind(real, like)
    return DirectoryFact(
        path=path,
        exists=True,
        kind=kind,
        environment=_environment(real) if kind == "homeport" else None,
        database=_database(real) if kind == "homeport" else None,
        files=inside.files,
        size=inside.size,
        newest=inside.newest,
        mode=stat.S_IMODE(found.st_mode),
        owner=_user(found.st_uid),
        device=found.st_dev,
        read_only=bool(system.f_flag & _READ_ONLY),
        free=system.f_bavail * system.f_frsize,
        total=system.f_blocks * system.f_frsize,
        tracked=_tracking(real) if kind not in ("files", "empty", "unknown") else None,
    )


def names_in(path: PurePosixPath) -> frozenset[str]:
    """The names in a directory; none where it cannot be listed."""
    try:
        return frozenset(entry.name for entry in os.scandir(path))
    except OSError:
        return frozenset()


@dataclass(slots=True)
class _Inside:
    files: int = 0
    size: int = 0
    newest: datetime | None = None


def _walk(directory: Path) -> _Inside:
    inside = _Inside()
    latest = 0.0
    for place, _, names in os.walk(directory):
        for name in names:
            try:
                found = os.lstat(os.path.join(place, name))  # noqa: PTH118 - a walk of many files
            except OSError:
                continue
            if stat.S_ISREG(found.st_mode):
                inside.files += 1
                inside.size += found.st_size
                latest = max(latest, found.st_mtime)
        if inside.files > MOST_FILES:
            break
    if latest:
        inside.newest = datetime.fromtimestamp(latest, UTC)
    return inside


def _kind(directory: Path, like: Iterable[frozenset[str]]) -> Kind:
    names = names_in(PurePosixPath(directory))
    if not names:
        return "empty" if os.access(directory, os.R_OK) else "unknown"
    if IDENTITY_FILE in names or DATABASE_FILE in names:
        return "homeport"
    if "instances.json" in names or {"messages", "projects"} <= names:
        return "json-v1"
    if any(_is_sqlite(directory / name) for name in sorted(names)[:100]):
        return "sqlite"
    if any(known and 2 * len(names & known) >= len(known) for known in like):
        return "alike"
    return "files"


def _is_sqlite(path: Path) -> bool:
    try:
        if not path.is_file():
            return False
        with path.open("rb") as stream:
            return stream.read(len(_SQLITE)) == _SQLITE
    except OSError:
        return False


def _environment(directory: Path) -> str | None:
    try:
        identity = read_identity(directory)
    except CannotStartError:
        return None
    return identity["environment"] if identity is not None else None


def _database(directory: Path) -> str | None:
    try:
        url = read_whereabouts(directory)
        return None if url is None else parse_database_url(url).name
    except (CannotStartError, ValueError):
        return None


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _tracking(directory: Path) -> PurePosixPath | None:
    """The repository that has files of this directory in its index."""
    repository = next((one for one in (directory, *directory.parents) if (one / ".git").exists()), None)
    if repository is None:
        return None
    # Somebody else's repository is looked at with its hooks and helpers switched off.
    git = ("git", "-c", "safe.directory=*", "-c", "core.fsmonitor=false", "-C", str(repository))
    try:
        listed = run_command((*git, "ls-files", "--", str(directory)), seconds=20)
    except HomeportError:
        return None
    return PurePosixPath(repository) if listed.code == 0 and listed.output.strip() else None
