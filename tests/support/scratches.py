"""Environments whose data are in a database, and the databases beside it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from homeport.contract import DatabaseAddress
from homeport.storage.dumps.cluster import Cluster as Of
from homeport.storage.dumps.stamps import stamp
from tests.support.postgres import ROLE, Cluster
from tests.support.written import Written, write_data


@dataclass(frozen=True)
class Berth:
    """The data directory of an environment, and its database, in which something of everything is."""

    directory: Path
    database: DatabaseAddress
    written: Written
    cluster: Cluster

    @property
    def name(self) -> str:
        """Of the database."""
        return self.cluster.database(self.database)

    def beside(self) -> list[str]:
        """The names of all databases that are made for this one, or kept of it."""
        rows = self.cluster.execute("SELECT datname FROM pg_database ORDER BY datname")
        return [name for (name,) in rows if name.startswith(f"{self.name}_")]

    def at(self, name: str) -> DatabaseAddress:
        """The address of a database beside it."""
        return DatabaseAddress(self.cluster.url(name))


@contextmanager
def berth(cluster: Cluster, directory: Path, *, tcp: bool = False, environment: str = "production") -> Iterator[Berth]:
    """One that is filled; whatever is beside it goes with it.

    Args:
        cluster: on which its database is made.
        directory: what becomes its data directory.
        tcp: whether the database is reached with a password.
        environment: whose.
    """
    template, filled, written = _filled(cluster, environment)
    shutil.copytree(filled, directory)
    database = cluster.create(tcp=tcp, template=template)
    stamp(directory, Of(database))
    made = Berth(directory, database, written, cluster)
    try:
        yield made
    finally:
        for name in made.beside():
            cluster.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        cluster.drop(database)
        cluster.execute(f"ALTER ROLE {ROLE} CREATEDB")


def _filled(cluster: Cluster, environment: str) -> tuple[str, Path, Written]:
    """A template with something of everything in it, and the data directory that belongs to it; made once."""
    name = f"berth_{environment}"
    directory = cluster.directory / name
    if directory not in _WRITTEN:
        cluster.execute(f"ALTER ROLE {ROLE} CREATEDB")
        directory.mkdir()

        def fill(address: DatabaseAddress) -> None:
            _WRITTEN[directory] = write_data(directory, environment, address)

        cluster.template(name, fill)
    return name, directory, _WRITTEN[directory]


_WRITTEN: Final[dict[Path, Written]] = {}
