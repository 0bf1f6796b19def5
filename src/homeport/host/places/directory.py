"""A directory as a place: on another disk, or a network's file system that is mounted."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path

from homeport.files import sync_directory
from homeport.host.archives.streams import file_chunks, write_all
from homeport.host.archives.verifying import forget_cache
from homeport.host.places.place import (
    PART,
    NotAtPlaceError,
    PlaceDeniedError,
    PlaceError,
    Progress,
    Stored,
    checked,
)


class DirectoryPlace:
    """Files in a directory, which must exist: made by us it might lie where a disk is not mounted.

    Args:
        directory: absolute.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    @property
    def name(self) -> str:
        return str(self._directory)

    def put(self, file: Path, name: str, progress: Progress | None = None) -> None:
        target = self._directory / checked(self.name, name)
        with file.open("rb") as source, self._explained(name):
            descriptor, temporary = tempfile.mkstemp(prefix=f".{name}{PART}", dir=self._directory)
            try:
                with FileIO(descriptor, "wb") as out:
                    for chunk in file_chunks(source):
                        write_all(out, chunk)
                        if progress is not None:
                            progress(len(chunk))
                    os.fsync(descriptor)
                Path(temporary).replace(target)
            except BaseException:
                Path(temporary).unlink(missing_ok=True)
                raise
            sync_directory(self._directory)

    def read(self, name: str) -> Iterator[bytes]:
        with self._explained(name), (self._directory / checked(self.name, name)).open("rb", buffering=0) as stream:
            forget_cache(stream)
            yield from file_chunks(stream)

    def files(self) -> list[Stored]:
        with self._explained(None):
            found = []
            for path in sorted(self._directory.iterdir()):
                status = path.lstat()
                if stat.S_ISREG(status.st_mode) and PART not in path.name:
                    found.append(Stored(path.name, status.st_size))
            return found

    def remove(self, name: str) -> None:
        with self._explained(None):
            (self._directory / checked(self.name, name)).unlink(missing_ok=True)
            sync_directory(self._directory)

    def remove_parts(self) -> None:
        with self._explained(None):
            for path in self._directory.glob(f".*{PART}*"):
                path.unlink(missing_ok=True)

    @contextmanager
    def _explained(self, name: str | None) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            if name is not None and self._directory.is_dir():
                raise NotAtPlaceError(self.name, f"there is no {name}") from None
            raise NotAtPlaceError(
                self.name,
                "there is no such directory",
                "Make it; if it is on another disk, look whether that is mounted.",
            ) from None
        except OSError as error:
            kind = PlaceDeniedError if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS} else PlaceError
            raise kind(self.name, error.strerror or str(error)) from None
