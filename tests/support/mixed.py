"""Production and development, each with its data in a file or in a database."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from homeport import server
from homeport.contract import DATABASE_FILE, DatabaseAddress, DataFacts
from homeport.contract.database import ADDRESS_FILE, DUMP_FILE, Keeping
from homeport.identity import read_identity
from homeport.server import databases
from homeport.storage.dumps.cluster import Cluster as Of
from homeport.storage.dumps.stamps import stamp
from homeport.storage.moving.copying import into_database
from tests.support.exchanging import Yard, content, yard
from tests.support.ports import free_ports
from tests.support.postgres import ROLE, Cluster


@dataclass(frozen=True)
class Mixed:
    """A yard, and the cluster that the databases of it are in."""

    yard: Yard
    cluster: Cluster

    def facts(self, name: str) -> DataFacts:
        """What an environment's data hold, every row looked at."""
        return server.data_facts(self.yard.data(name), deep=True, database=self.yard.environment(name).database)

    def rows(self, name: str, directory: Path) -> dict[str, list[tuple[object, ...]]]:
        """All rows of an environment, equal for two that hold the same, whatever they keep it in.

        Args:
            name: of the environment.
            directory: must not exist; becomes a copy in a file.
        """
        server.take_snapshot(self.yard.data(name), name, directory, self.yard.environment(name).database)
        databases.load_into(directory, name, None)
        found = content(directory)
        assert isinstance(found, dict)
        rows: dict[str, list[tuple[object, ...]]] = found[DATABASE_FILE]
        return rows

    def keeping(self, name: str) -> Keeping:
        """What the data directory says that its data are in."""
        files = {path.name for path in self.yard.data(name).iterdir()}
        assert DUMP_FILE not in files
        assert (DATABASE_FILE in files) != (ADDRESS_FILE in files)
        return "file" if DATABASE_FILE in files else "database"

    def database(self, name: str) -> DatabaseAddress:
        """The database that an environment keeps its data in; of one that has a file, any."""
        found = self.yard.environment(name).database
        return found if found is not None else DatabaseAddress(self.cluster.url("postgres"))

    def beside(self) -> list[str]:
        """The databases that are made for one of these, or kept of it."""
        addresses = [one.database for one in self.yard.declaration.environments.values() if one.database is not None]
        mine = tuple(f"{self.cluster.database(address)}_" for address in addresses)
        rows = self.cluster.execute("SELECT datname FROM pg_database ORDER BY datname")
        return [name for (name,) in rows if name.startswith(mine)]


@contextmanager
def mixed(cluster: Cluster, directory: Path, data: Mapping[str, tuple[Path, Keeping]]) -> Iterator[Mixed]:
    """Environments with the data of these directories, which are in files there; what is made for them goes with them.

    Args:
        cluster: for those that are to be in a database.
        directory: where all of it lies.
        data: by environment.
    """
    cluster.execute(f"ALTER ROLE {ROLE} CREATEDB")
    addresses = {name: cluster.create() for name, (_, keeping) in data.items() if keeping == "database"}
    text = ""
    for name in data:
        http, sse = free_ports(2)
        declared = f'database = "{addresses[name].url}"\n' if name in addresses else ""
        text += f"[environments.{name}]\nhttp_port = {http}\nsse_port = {sse}\n{declared}"
    made = Mixed(yard(directory, text), cluster)
    try:
        for name, (source, _) in data.items():
            shutil.rmtree(made.yard.data(name))
            shutil.copytree(source, made.yard.data(name))
            if name in addresses:
                _fill(made.yard.data(name), addresses[name])
        yield made
    finally:
        for name in made.beside():
            cluster.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        for address in addresses.values():
            cluster.drop(address)
        cluster.execute(f"ALTER ROLE {ROLE} CREATEDB")


def _fill(directory: Path, address: DatabaseAddress) -> None:
    identity = read_identity(directory)
    assert identity is not None
    into_database(directory / DATABASE_FILE, Of(address), identity)
    stamp(directory, Of(address))
    (directory / DATABASE_FILE).unlink()
