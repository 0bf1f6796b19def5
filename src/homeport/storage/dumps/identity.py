"""Whose data a copy holds, as the database itself says."""

from __future__ import annotations

from homeport.contract import Identity
from homeport.errors import HomeportError
from homeport.storage.dumps.cluster import Cluster, told


def restamp(cluster: Cluster, identity: Identity) -> None:
    """Makes a copy another environment's.

    Raises:
        HomeportError: it cannot be written.
    """
    statement = "UPDATE homeport_identity SET application = %s, environment = %s, id = %s, created = %s"
    values = (identity["application"], identity["environment"], identity["id"], identity["created"])
    with cluster.connected() as connection, told(f"{cluster.name} cannot be made data of {identity['environment']}"):
        if connection.execute(statement, values).rowcount != 1:
            raise HomeportError(f"{cluster.name} does not say whose data it holds.", "Take a new snapshot.")
