"""A snapshot of the data directory of a server that is not Homeport's, taken while that server writes.

Databases are copied by SQLite, every other file as it stood at one moment. Files that come and go while it is taken are
followed in a second pass. The directory is only read.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from homeport.errors import HomeportError
from homeport.host.archives.tree import remove_tree
from homeport.host.data.databases import COMPANIONS, copy_database, count_rows, is_database
from homeport.host.data.still import Copied, Patience, copy_still

_PASSES: Final = 5
_KINDS: Final = {
    stat.S_IFSOCK: "a socket",
    stat.S_IFIFO: "a fifo",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFLNK: "a link",
}


@dataclass(frozen=True, slots=True)
class Odd:
    """Something that is not in the snapshot as it is in the directory."""

    path: str
    what: str

    def __str__(self) -> str:
        return f"{self.path!r} {self.what}"


@dataclass(frozen=True, slots=True)
class ForeignFacts:
    """What a snapshot of a foreign directory holds."""

    files: int
    bytes: int
    newest: str | None
    """RFC 3339: when the youngest of the files was written; None where there is no file."""
    counts: dict[str, int]
    """By file: what a JSON document lists at its top; by ``file:table``: the rows of a database."""
    databases: tuple[str, ...]
    odd: tuple[Odd, ...]
    """What was left out, or copied though something is wrong with it."""
    left_out: tuple[str, ...] = ()
    """The paths of the first of these."""


def snapshot_foreign(
    source: Path, into: Path, *, check_json: bool = True, patience: Patience | None = None
) -> ForeignFacts:
    """Copies a data directory.

    Args:
        source: the directory; a link to one is followed.
        into: must not exist; becomes the copy, mode 0700, with regular files and directories alone.
        check_json: a ``.json`` file is taken to be half written for as long as it is no JSON and somebody writes it.
        patience: how long each file is waited for.

    Raises:
        HomeportError: there is no such directory, a file never stands still, or something cannot be read or written;
            ``into`` does not exist then.
    """
    if not source.is_dir():
        raise HomeportError(f"{source} is not a directory that exists.", "Declare the one that the server writes to.")
    try:
        into.mkdir(mode=0o700)
    except OSError as error:
        raise HomeportError(f"{into} cannot be made: {error.strerror}.") from None
    taking = _Taking(source.resolve(), into, patience or Patience(), check_json)
    try:
        return taking.run()
    except BaseException:
        remove_tree(into)
        raise


@dataclass
class _Taking:
    source: Path
    into: Path
    patience: Patience
    check_json: bool
    copied: dict[str, Copied] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    databases: set[str] = field(default_factory=set)
    odd: dict[str, str] = field(default_factory=dict)

    def run(self) -> ForeignFacts:
        directories: dict[str, int] = {}
        for _ in range(_PASSES):
            files, directories = self._list()
            new = [path for path in files if path not in self.copied]
            gone = [path for path in self.copied if path not in files]
            for path in gone:
                self._forget(path)
            for directory in directories:
                (self.into / directory).mkdir(mode=0o700, exist_ok=True)
            for path in new:
                self._copy(path)
            if not new and not gone:
                break
        facts = self._facts()
        self._tidy(directories)
        return facts

    def _list(self) -> tuple[list[str], dict[str, int]]:
        """The files to copy, and the directories with their modes, outermost first; what is odd is noted."""
        files: list[str] = []
        directories: dict[str, int] = {}
        self.odd = {path: what for path, what in self.odd.items() if path in self.copied}
        for path, found in _walk(self.source, ""):
            if stat.S_ISDIR(found.st_mode):
                directories[path] = stat.S_IMODE(found.st_mode) & 0o777
            elif stat.S_ISREG(found.st_mode) or self._is_file_inside(path, found):
                files.append(path)
            else:
                self.odd[path] = f"is {_KINDS.get(stat.S_IFMT(found.st_mode), 'no file')}; left out"
        names = set(files)
        return [path for path in files if not self._is_companion(path, names)], directories

    def _is_file_inside(self, path: str, found: os.stat_result) -> bool:
        """A link to a file in the directory is copied as that file."""
        if not stat.S_ISLNK(found.st_mode):
            return False
        try:
            real = (self.source / path).resolve(strict=True)
        except (OSError, RuntimeError):
            return False
        return real.is_relative_to(self.source) and real.is_file()

    def _is_companion(self, path: str, names: set[str]) -> bool:
        base = next((path.removesuffix(ending) for ending in COMPANIONS if path.endswith(ending)), None)
        return base in names and (base in self.databases or is_database(self.source / base))

    def _copy(self, path: str) -> None:
        target = self.into / path
        if target.is_dir():
            remove_tree(target)
        try:
            source = self._real(path)
            if is_database(source) and copy_database(source, target, self.patience):
                found = target.stat()
                self.databases.add(path)
                self.copied[path] = Copied(found.st_size, found.st_mtime_ns, None, broken=False)
                return
            self.copied[path] = copy_still(
                source, target, self.patience, as_json=self.check_json and path.endswith(".json")
            )
        except FileNotFoundError:
            # It went while it was copied; the next pass sees whether it came again.
            target.unlink(missing_ok=True)
            return
        if self.copied[path].broken:
            self.odd[path] = "is no valid JSON, and nobody is writing it; copied as it is"
        if (listed := self.copied[path].listed) is not None:
            self.counts[path] = listed

    def _real(self, path: str) -> Path:
        """Where a file is once links are followed; one that now leads out of the directory is gone."""
        real = (self.source / path).resolve(strict=True)
        if not real.is_relative_to(self.source):
            raise FileNotFoundError(path)
        return real

    def _forget(self, path: str) -> None:
        del self.copied[path]
        self.counts.pop(path, None)
        self.odd.pop(path, None)
        self.databases.discard(path)
        (self.into / path).unlink()

    def _tidy(self, directories: dict[str, int]) -> None:
        """Directories that went are removed; the others get their modes, which may forbid writing, last."""
        for top, names, _ in os.walk(self.into, topdown=False):
            for name in names:
                path = str((Path(top) / name).relative_to(self.into))
                if path in directories:
                    (self.into / path).chmod(directories[path])
                else:
                    (self.into / path).rmdir()

    def _facts(self) -> ForeignFacts:
        counts = dict(self.counts)
        for path in sorted(self.databases):
            counts |= {f"{path}:{table}": number for table, number in count_rows(self.into / path).items()}
        newest = max((one.mtime_ns for one in self.copied.values()), default=None)
        return ForeignFacts(
            files=len(self.copied),
            bytes=sum(one.size for one in self.copied.values()),
            newest=None if newest is None else datetime.fromtimestamp(newest // 10**9, UTC).isoformat(),
            counts=dict(sorted(counts.items())),
            databases=tuple(sorted(self.databases)),
            odd=tuple(Odd(path, what) for path, what in sorted(self.odd.items())),
            left_out=tuple(sorted(path for path in self.odd if path not in self.copied)),
        )


def _walk(directory: Path, path: str) -> Iterator[tuple[str, os.stat_result]]:
    """Everything below, directories before what is in them; what goes meanwhile is left out."""
    try:
        with os.scandir(directory) as found:
            names = sorted(entry.name for entry in found)
    except FileNotFoundError:
        return
    except OSError as error:
        raise HomeportError(f"{str(directory)!r} cannot be read: {error.strerror}.") from None
    for name in names:
        below = f"{path}/{name}" if path else name
        try:
            status = (directory / name).lstat()
        except FileNotFoundError:
            continue
        yield below, status
        if stat.S_ISDIR(status.st_mode):
            yield from _walk(directory / name, below)
