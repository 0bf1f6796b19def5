"""Which servers have a database open, as far as the lock tells that each of them shares."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from homeport.errors import GuardError
from homeport.storage.dumps.cluster import Cluster
from homeport.storage.postgres.locks import SERVING

_SERVING: Final = """
    SELECT coalesce(host(client_addr), 'this machine'), backend_start
    FROM pg_locks AS locks
    JOIN pg_database AS databases ON databases.oid = locks.database
    JOIN pg_stat_activity AS activity ON activity.pid = locks.pid
    WHERE locktype = 'advisory' AND classid = 0 AND objid = %s AND objsubid = 1 AND granted
        AND databases.datname = %s ORDER BY backend_start
"""
_LEAVING: Final = 5.0
"""Seconds that the connection of a server that has just ended may still be there."""
_PAUSE: Final = 0.05


def demand_one_server(cluster: Cluster, environment: str, pause: Callable[[float], None] = time.sleep) -> None:
    """Makes sure that no more than one server has a database open: the one that is to end before it is migrated.

    Raises:
        GuardError: there are several; they are named.
        HomeportError: the database server cannot be reached.
    """
    deadline = time.monotonic() + _LEAVING
    with cluster.managed() as connection:
        while len(found := connection.execute(_SERVING, (SERVING, cluster.name)).fetchall()) > 1:
            if time.monotonic() >= deadline:
                named = "; ".join(f"at {where} since {since.isoformat(timespec='seconds')}" for where, since in found)
                raise GuardError(
                    f"The next server of {environment} would migrate the database {cluster.name}, and servers have it"
                    f" open that could not live with that: {named}. The one that runs here still does.",
                    f"homeport stop {environment} on all other machines, then do this again.",
                )
            pause(_PAUSE)
