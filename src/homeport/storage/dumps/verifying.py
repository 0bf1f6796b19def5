"""Asks migrations that ran on a database whether it is as they must have left it. Reads only."""

from __future__ import annotations

from collections.abc import Iterable

import psycopg

from homeport.errors import HomeportError
from homeport.storage.dumps.cluster import Cluster
from homeport.storage.migrations import running
from homeport.storage.migrations.running import Finding
from homeport.storage.postgres.migrating import is_outer


def verified(cluster: Cluster, revisions: Iterable[str]) -> list[Finding]:
    """What is not as these revisions must have left it.

    Raises:
        HomeportError: it cannot be read, or one of the revisions tries to write.
    """
    from sqlalchemy import create_engine
    from sqlalchemy.exc import DBAPIError
    from sqlalchemy.pool import StaticPool

    with cluster.connected() as connection:
        connection.autocommit = False
        connection.read_only = True
        made = create_engine("postgresql+psycopg://", creator=lambda: connection, poolclass=StaticPool)
        try:
            with made.connect() as bound:
                return running.verify(bound, revisions, is_outer)
        except (DBAPIError, psycopg.Error) as error:
            cause = error.orig if isinstance(error, DBAPIError) else error
            raise HomeportError(f"{cluster.name} cannot be verified: {' '.join(str(cause).split())}.") from error
