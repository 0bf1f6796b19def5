"""One operation at a time changes an environment whose data are in a database, on whatever machine: a lock there."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

import psycopg

from homeport.errors import HomeportError, OperationRunsError
from homeport.storage.dumps.cluster import Cluster, Connection, UnreachedError
from homeport.storage.dumps.scratch import key_of

_LONGEST: Final = 63
_HOLDER: Final = """
    SELECT application_name, coalesce(host(client_addr), ''), backend_start
    FROM pg_locks AS locks JOIN pg_stat_activity AS activity USING (pid)
    WHERE locktype = 'advisory' AND granted AND objsubid = 1
        AND locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND (CAST(classid AS BIGINT) << 32) | CAST(objid AS BIGINT) = %s
"""


class Reserved:
    """The right to change an environment, which only one machine has at a time: a lock that the database server holds.

    It is given up with its connection, also where this process is killed. It is held beside the environment's database,
    since that one is exchanged with nobody connected to it.

    Args:
        cluster: the environment's database.
        environment: its name.
        operation: what is done, in a word.
    """

    def __init__(self, cluster: Cluster, environment: str, operation: str) -> None:
        self._cluster = cluster
        self._environment = environment
        self._called = f"homeport-{operation} process {os.getpid()} on {socket.gethostname()}"[:_LONGEST]
        self._connection: Connection | None = None

    def take(self) -> None:
        """Takes it.

        Raises:
            OperationRunsError: another operation has it; it is named.
            HomeportError: the database server cannot be reached.
        """
        connection = self._cluster.maintenance()
        try:
            connection.execute("SELECT set_config('application_name', %s, false)", (self._called,))
            key = key_of(f"operation {self._cluster.name}")
            taken = connection.execute("SELECT pg_try_advisory_lock(%s)", (key,)).fetchone() == (True,)
            holder = None if taken else connection.execute(_HOLDER, (key,)).fetchone()
        except BaseException:
            connection.close()
            raise
        if not taken:
            connection.close()
            raise _held(self._environment, holder)
        self._connection = connection

    def keep(self) -> None:
        """Takes it anew where the connection was lost; where the server cannot be reached nobody else can either.

        Raises:
            OperationRunsError: another operation has taken it meanwhile.
        """
        if self._connection is None:
            return
        try:
            self._connection.execute("SELECT 1")
        except psycopg.Error:
            with suppress(psycopg.Error):
                self._connection.close()
            with suppress(UnreachedError):
                self.take()

    def give_up(self) -> None:
        """Lets go of it."""
        if self._connection is not None:
            with suppress(psycopg.Error):
                self._connection.close()


@contextmanager
def reserved(cluster: Cluster, environment: str, operation: str, *, needed: bool) -> Iterator[Reserved]:
    """Has it while the block runs; see :func:`homeport.server.databases.reserved`."""
    found = Reserved(cluster, environment, operation)
    try:
        found.take()
    except OperationRunsError:
        raise
    except HomeportError:
        if needed:
            raise
    try:
        yield found
    finally:
        found.give_up()


def _held(environment: str, row: tuple[Any, ...] | None) -> OperationRunsError:
    who = "another process, which has just ended"
    if row is not None:
        called, address, began = row
        # Of a role that ours is no member of, PostgreSQL says neither.
        since = "" if began is None else f", since {began.isoformat(timespec='seconds')}"
        who = str(called).removeprefix("homeport-") + (f" ({address})" if address else "") + since
    return OperationRunsError(
        f"Another operation is changing {environment}: {who}.",
        "One operation at a time changes an environment, on whatever machine: wait for that one.",
        environment=environment,
        holder=who,
    )
