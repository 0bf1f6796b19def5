"""Data directories as a server leaves one in which nothing has happened yet: made once, and copied.

Migrating an empty database takes 50 ms of a core, and half a second in a process that must load first what migrates.
That a server and a store begin in an empty directory is tested where it is what a test is about.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from homeport.contract import DATABASE_FILE
from homeport.identity import new_identity, write_identity
from homeport.storage.sqlite.opening import prepared


@cache
def empty_database() -> bytes:
    """A database of the current schema with nothing in it."""
    with TemporaryDirectory(prefix="homeport-empty-") as place:
        file = Path(place) / DATABASE_FILE
        prepared(file).close()
        assert [path.name for path in Path(place).iterdir()] == [DATABASE_FILE]
        return file.read_bytes()


def give_database(directory: Path) -> None:
    """Puts it into a directory."""
    (directory / DATABASE_FILE).write_bytes(empty_database())


def begin_data(directory: Path, environment: str = "development") -> None:
    """Makes an empty directory the data of an environment."""
    give_database(directory)
    write_identity(directory, new_identity(environment))
