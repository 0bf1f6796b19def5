"""The directory of an environment's releases, and the record beside each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from homeport.environments.releases.release import (
    Release,
    is_release_id,
    parse_release,
    record_name,
    release_text,
    releases_among,
)
from homeport.errors import HomeportError
from homeport.files import sync_directory, write_atomically
from homeport.host.archives.tree import remove_tree

BUILDING: Final = ".building-"
"""What a name begins with that a release has until it is whole."""
SOURCE: Final = ".source-"
"""The same for the files of its commit, while it is built."""
REMOVING: Final = ".removing-"
"""The same from when it is no release any more until it is gone."""


class ReleaseShelf:
    """The releases of one environment as they lie on this machine. Whoever changes something holds the operation lock.

    Args:
        directory: of the releases; need not exist.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def path(self, release: str) -> Path:
        """Where a release stands, or would.

        Raises:
            ValueError: that is no release's id.
        """
        return self.directory / _checked(release)

    def building(self, release: str) -> Path:
        """Where it is built."""
        return self.directory / f"{BUILDING}{_checked(release)}"

    def source(self, release: str) -> Path:
        """Where the files of its commit lie meanwhile."""
        return self.directory / f"{SOURCE}{_checked(release)}"

    def ids(self) -> list[str]:
        """All that have a record, the oldest first."""
        return releases_among(self._names())

    def releases(self) -> list[Release]:
        """All releases whose record can be believed, the oldest first."""
        return list(self._readable())

    def find(self, release: str) -> Release | None:
        """What is known of a release; None where there is no record.

        Raises:
            HomeportError: the record cannot be believed.
        """
        file = self.directory / record_name(_checked(release))
        try:
            return parse_release(file.read_bytes(), str(file))
        except FileNotFoundError:
            return None

    def write(self, release: Release) -> None:
        """Puts down what is known, in place of what stood there."""
        self.directory.mkdir(parents=True, exist_ok=True)
        write_atomically(self.directory / record_name(_checked(release.id)), release_text(release))

    def remove(self, release: str) -> None:
        """Removes a release for good: it loses its name first, so that no half of one ever has it."""
        path, leaving = self.path(release), self.directory / f"{REMOVING}{release}"
        if path.exists():
            path.rename(leaving)
            sync_directory(self.directory)
        (self.directory / record_name(release)).unlink(missing_ok=True)
        if leaving.exists():
            remove_tree(leaving)
        sync_directory(self.directory)

    def tidy(self) -> list[str]:
        """Removes what builds and removals that were killed left behind. Nobody may be building now.

        Returns:
            The names of what is gone.
        """
        left = [name for name in self._names() if name.startswith((BUILDING, SOURCE, REMOVING))]
        for name in left:
            path = self.directory / name
            if path.is_dir() and not path.is_symlink():
                remove_tree(path)
            else:
                path.unlink()
        return left

    def _readable(self) -> Iterator[Release]:
        for one in self.ids():
            try:
                found = self.find(one)
            except HomeportError:
                continue
            if found is not None:
                yield found

    def _names(self) -> list[str]:
        return [path.name for path in self.directory.iterdir()] if self.directory.is_dir() else []


def _checked(release: str) -> str:
    if not is_release_id(release):
        raise ValueError(f"{release!r} is no release")
    return release
