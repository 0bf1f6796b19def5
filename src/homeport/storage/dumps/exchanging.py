"""Exchanges an environment's database for another beside it: both are renamed in one transaction, or neither is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from psycopg import sql

from homeport.contract.servers import ServerName
from homeport.errors import GuardError, HomeportError
from homeport.storage.dumps.cluster import Cluster, Connection, create_like, exists, told
from homeport.storage.dumps.scratch import hold
from homeport.storage.postgres.locks import SERVING

_SECONDS: Final = 30.0
_PAUSE: Final = 0.05
_SESSIONS: Final = """
    SELECT pid, coalesce(usename, ''), coalesce(application_name, ''), coalesce(host(client_addr), 'this machine'),
        coalesce(backend_start, now())
    FROM pg_stat_activity WHERE datname = ANY(%s) AND pid <> pg_backend_pid() ORDER BY backend_start
"""

# Who writes has the lock; a server that has nothing to write, since its database restarted, is known by its name.
_SERVING: Final = """
    SELECT pid, coalesce(usename, ''), coalesce(application_name, ''), coalesce(host(client_addr), 'this machine'),
        coalesce(backend_start, now())
    FROM pg_stat_activity AS activity
    WHERE datname = %(name)s AND pid <> pg_backend_pid()
        AND (
            application_name ~ '^homeport [0-9]{4} '
            OR EXISTS (
                SELECT FROM pg_locks AS locks
                WHERE locks.pid = activity.pid AND locks.database = activity.datid AND granted
                    AND locktype = 'advisory' AND classid = 0 AND objid = %(lock)s AND objsubid = 1
            )
        )
    ORDER BY backend_start
"""
_LEAVING: Final = 5.0
"""Seconds that the connection of a server that has just ended may still be there."""


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who is connected to a database."""

    pid: int
    user: str
    program: str
    address: str
    since: str

    def __str__(self) -> str:
        server = ServerName.read(self.program)
        if server is not None:
            which = f"release {server.release}" if server.release else "no release"
            return f"the server on {server.host} ({which}, from {self.address}) since {self.since}"
        program = f" ({self.program})" if self.program else ""
        return f"{self.user} at {self.address}{program} since {self.since}"


def sessions(connection: Connection, *names: str) -> list[Session]:
    """Who is connected to databases, the oldest first."""
    return _sessions(connection.execute(_SESSIONS, (list(names),)).fetchall())


def demand_no_servers(cluster: Cluster, environment: str, pause: Callable[[float], None] = time.sleep) -> None:
    """Makes sure that no server has a database open, on whatever machine it runs.

    Raises:
        GuardError: one has; it is named.
    """
    deadline = time.monotonic() + _LEAVING
    with cluster.managed() as connection:
        while found := _sessions(connection.execute(_SERVING, {"lock": SERVING, "name": cluster.name}).fetchall()):
            if time.monotonic() >= deadline:
                raise GuardError(
                    f"The database {cluster.name} is in use by {found[0]}: nothing was changed.",
                    f"Stop every server of {environment} first, on whatever machine it runs.",
                )
            pause(_PAUSE)


def _sessions(rows: Sequence[tuple[Any, ...]]) -> list[Session]:
    return [
        Session(pid, user, program, address, since.isoformat(timespec="seconds"))
        for pid, user, program, address, since in rows
    ]


def rename(
    connection: Connection,
    cluster: Cluster,
    names: Mapping[str, str],
    *,
    seconds: float = _SECONDS,
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Renames databases, all of them or none: after a crash, too. Who is connected to them is sent away first.

    Args:
        connection: that has the lock of :func:`_alone`: of a run that is killed, the database server may still be at
            the end of the transaction, and has the lock as long.
        cluster: on which they are.
        names: the new name of each, in the order in which they are renamed; a name may become free on the way.
        seconds: how long somebody may hold it up who connects again and again.
        pause: waits for so many seconds.

    Raises:
        GuardError: somebody connects again and again; nothing was renamed.
        HomeportError: one is not there, a name is taken, or the user may not; nothing was renamed.
    """
    deadline = time.monotonic() + seconds
    while True:
        _send_away(connection, tuple(names))
        try:
            with told("The databases cannot be exchanged"), connection.transaction():
                for old, new in names.items():
                    statement = sql.SQL("ALTER DATABASE {} RENAME TO {}")
                    connection.execute(statement.format(sql.Identifier(old), sql.Identifier(new)))
                if cluster.name in names.values():
                    # What it was as a scratch database does not stand written on it any longer.
                    plain = sql.SQL("COMMENT ON DATABASE {} IS NULL")
                    connection.execute(plain.format(sql.Identifier(cluster.name)))
        except HomeportError as error:
            if not isinstance(error.__cause__, psycopg.errors.ObjectInUse):
                raise
            if time.monotonic() >= deadline:
                here = "; ".join(map(str, sessions(connection, *names))) or "somebody"
                raise GuardError(
                    f"The database {next(iter(names))} is in use by {here}, who connects again and again.",
                    "Stop what it is: another server of this environment, a console. Nothing was changed.",
                ) from None
            pause(_PAUSE)
        else:
            return


def _send_away(connection: Connection, names: tuple[str, ...]) -> None:
    """Ends connections; of those that this user may not end, the renaming tells."""
    for session in sessions(connection, *names):
        try:
            connection.execute("SELECT pg_terminate_backend(%s, 5000)", (session.pid,))
        except psycopg.errors.InsufficientPrivilege:
            continue


def exchange(cluster: Cluster, incoming: str, kept: str) -> bool:
    """Puts a database in place of an environment's, which is kept under another name; an empty one where there is none.

    Args:
        cluster: the environment's database.
        incoming: the name of the database that becomes it.
        kept: the name that the one that is there gets.

    Returns:
        Whether anything was done: a second run finds it done.

    Raises:
        GuardError: somebody connects again and again.
        HomeportError: there is nothing to put in its place, or what is kept would replace something.
    """
    with _alone(cluster) as connection:
        comes, stands, there = (exists(connection, name) for name in (incoming, cluster.name, kept))
        if not comes and stands and there:
            return False
        if not comes:
            raise HomeportError(f"There is no database {incoming} to put in place of {cluster.name}.")
        if there:
            raise HomeportError(
                f"There is a database {kept} already: nothing was exchanged.", "Drop it if it is not needed."
            )
        if not stands:
            create_like(connection, cluster.name, incoming)
        rename(connection, cluster, {cluster.name: kept, incoming: cluster.name})
        return True


def put_back(cluster: Cluster, incoming: str, kept: str) -> bool:
    """Takes :func:`exchange` back: the kept database is the environment's again, and the other has the name it had.

    Returns:
        Whether anything was done: where it was never exchanged, or was taken back already, nothing is.

    Raises:
        GuardError: somebody connects again and again.
        HomeportError: a name is taken, or the user may not; nothing was renamed.
    """
    with _alone(cluster) as connection:
        comes, stands, there = (exists(connection, name) for name in (incoming, cluster.name, kept))
        if comes or not there:
            return False
        rename(connection, cluster, {**({cluster.name: incoming} if stands else {}), kept: cluster.name})
        return True


@contextmanager
def _alone(cluster: Cluster) -> Iterator[Connection]:
    """One exchange at a time: of a run that was killed, what it had told the server to do may still be under way."""
    with cluster.managed() as connection:
        hold(connection, cluster.name)
        yield connection
