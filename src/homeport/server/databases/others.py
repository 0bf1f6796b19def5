"""The other machines of an environment: which servers they have, and whether one of them changes it now."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from homeport.contract import DatabaseAddress
from homeport.contract.servers import ServerSeen
from homeport.server.naming import here
from homeport.storage.dumps import reserving
from homeport.storage.dumps.cluster import Cluster
from homeport.storage.dumps.reserving import Reserved
from homeport.storage.dumps.servers import servers_of


def servers_on(database: DatabaseAddress, data_directory: Path) -> list[ServerSeen]:
    """See :func:`homeport.server.databases.servers_on`."""
    cluster = Cluster(database)
    with cluster.managed() as connection:
        return servers_of(connection, cluster.name, here(data_directory))


def reserved(
    database: DatabaseAddress, environment: str, operation: str, *, needed: bool
) -> AbstractContextManager[Reserved]:
    """See :func:`homeport.server.databases.reserved`."""
    return reserving.reserved(Cluster(database), environment, operation, needed=needed)
