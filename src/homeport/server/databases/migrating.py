"""Migrations of a database in its place, and what they say of it at any time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from homeport.contract import DatabaseAddress
from homeport.server.databases.finding import cluster_at
from homeport.storage.dumps.cluster import told
from homeport.storage.dumps.exchanging import demand_no_servers
from homeport.storage.dumps.upgrading import migrate_database
from homeport.storage.dumps.verifying import verified
from homeport.storage.migrations.revisions import Schema
from homeport.storage.migrations.running import Finding, previous_can_run
from homeport.storage.postgres.identity import schema_of


class Database:
    """See :class:`homeport.server.migrations.Migrated`.

    Args:
        directory: a data directory that names its database.
        declared: the environment's database, of which a copy's has the password.
    """

    def __init__(self, directory: Path, declared: DatabaseAddress | None) -> None:
        self._directory = directory
        self._cluster = cluster_at(directory, declared)

    def schema(self) -> Schema:
        cluster = self._cluster
        with cluster.connected() as connection, told(f"The database {cluster.name} cannot be read"):
            return schema_of(connection)

    def migrate(self) -> None:
        if not previous_can_run(self.schema().pending):
            # The lock of the data directory says nothing of servers on other machines.
            demand_no_servers(self._cluster, str(self._directory))
        migrate_database(self._cluster)

    def verify(self, revisions: Sequence[str]) -> list[Finding]:
        return verified(self._cluster, revisions)
