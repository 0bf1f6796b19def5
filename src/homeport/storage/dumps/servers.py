"""The servers that have a database open, on whatever machines they run."""

from __future__ import annotations

from typing import Final

from homeport.contract.servers import ServerName, ServerSeen
from homeport.storage.dumps.cluster import Connection

_SEEN: Final = """
    SELECT application_name, coalesce(host(client_addr), ''), min(backend_start)
    FROM pg_stat_activity WHERE datname = %s AND application_name LIKE 'homeport %%'
    GROUP BY 1, 2 ORDER BY 3
"""


def servers_of(connection: Connection, database: str, home: str) -> list[ServerSeen]:
    """Who has a database open, the one first that has had it for longest; connections of others are left out.

    Args:
        connection: to any database of that server.
        database: its name.
        home: of the servers that are called ours.
    """
    found: list[ServerSeen] = []
    for called, address, since in connection.execute(_SEEN, (database,)).fetchall():
        name = ServerName.read(called)
        if name is not None:
            found.append(
                ServerSeen(
                    knows=name.knows,
                    release=name.release,
                    host=name.host,
                    address=address,
                    since="" if since is None else since.isoformat(timespec="seconds"),
                    here=name.home == home,
                )
            )
    return found
