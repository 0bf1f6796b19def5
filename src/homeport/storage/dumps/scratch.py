"""Scratch databases: named after the database that they are beside, and never left over.

Each belongs to a data directory of a copy, whose :data:`~homeport.contract.database.ADDRESS_FILE` names it, or to the
process that works on it, which holds a lock meanwhile. One that has neither was left by a process that was killed, and
is dropped by the next sweep.
"""

from __future__ import annotations

import hashlib
import json
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import Final

from psycopg import sql

from homeport.contract.database import DatabaseKept
from homeport.database_url import parse_database_url
from homeport.errors import CannotStartError, HomeportError
from homeport.storage.dumps.cluster import LONGEST_NAME, Cluster, Connection, create_like, drop, told
from homeport.storage.machine import this_machine
from homeport.whereabouts import read_whereabouts

SCRATCH: Final = "scratch"
_DIGITS: Final = 12
_RANDOM: Final = re.compile(rf"_[0-9a-f]{{{_DIGITS}}}\Z")
_DIGEST: Final = 8
_KEPT: Final = re.compile(r"_((?:failed_)?(?:before|left)_(?:[a-z]+_)?\d{8}t\d{6}z\w*)\Z")
"""What an operation calls what it keeps, or leaves: no name that people give ends so."""
_PRIVATE: Final = (Path("/tmp"), Path("/var/tmp"))  # noqa: S108 - nothing is made there
"""Of which a unit with ``PrivateTmp`` has its own, as that of the drill: it does not see what others have there."""


def beside(name: str, what: str) -> str:
    """The name of a database that is made for, or kept of, another: ``homeport_production_before_restore_20261002``.

    PostgreSQL cuts off what is too long, and two would be one: of a long name its beginning and a digest stay.
    """
    ending = f"_{what}"
    if len(name.encode()) + len(ending.encode()) <= LONGEST_NAME:
        return name + ending
    digest = hashlib.sha256(name.encode()).hexdigest()[:_DIGEST]
    room = LONGEST_NAME - len(ending.encode()) - _DIGEST - 1
    return f"{name.encode()[:room].decode(errors='ignore')}_{digest}{ending}"


def is_kept_as(label: str) -> bool:
    """Whether an operation calls so what it keeps: any other ending may be that of a database that somebody uses."""
    return _KEPT.fullmatch(f"_{label}") is not None


def new_name(name: str) -> str:
    """A name for a new scratch database."""
    return beside(name, f"{SCRATCH}_{token_hex(_DIGITS // 2)}")


@contextmanager
def made(cluster: Cluster, owner: Path | None) -> Iterator[Cluster]:
    """A new scratch database, empty, which nobody sweeps while the block runs.

    Args:
        cluster: the database that it is beside, which need not be there.
        owner: a directory of a copy that keeps it, and names it by then; None where it goes with the block.

    Raises:
        HomeportError: it cannot be made.
    """
    name = new_name(cluster.name)
    with cluster.managed() as connection:
        hold(connection, name)
        kept = False
        try:
            create_like(connection, name, cluster.name)
            _note(connection, name, owner)
            yield cluster.beside(name)
            kept = owner is not None
        finally:
            if not kept:
                drop(connection, name, force=True)


def sweep(cluster: Cluster) -> list[str]:
    """Drops the scratch databases beside a database that nobody has any more.

    Returns:
        Their names.

    Raises:
        HomeportError: the server cannot be reached, or one cannot be dropped.
    """
    with cluster.managed() as connection:
        swept = []
        for name in left_over(connection, cluster.name):
            # Whoever had it may have given it to its directory while this one looked.
            if _try(connection, name) and name in left_over(connection, cluster.name):
                drop(connection, name, force=True)
                swept.append(name)
    return swept


def kept_beside(connection: Connection, name: str) -> list[DatabaseKept]:
    """The databases that others took the place of, with their sizes; of a user that may not see it, 0."""
    rows = connection.execute(
        "SELECT datname, CASE WHEN has_database_privilege(oid, 'CONNECT') THEN pg_database_size(oid) ELSE 0 END"
        " FROM pg_database WHERE NOT datistemplate ORDER BY datname"
    ).fetchall()
    found = [(one, _KEPT.search(one), size) for one, size in rows]
    labelled = [(one, match[1], size) for one, match, size in found if match is not None]
    return [
        DatabaseKept(name=one, label=label, bytes=int(size))
        for one, label, size in labelled
        if one == beside(name, label)
    ]


def left_over(connection: Connection, name: str) -> list[str]:
    """The scratch databases beside a database whose directory is gone, or names another; somebody may be at them.

    One that another machine made is that one's, and is left alone here. So is one whose directory can only be seen by
    who has the same ``/tmp`` as its maker: what a person left in a shell is found by the next who looks from one.
    """
    rows = connection.execute(
        "SELECT datname, shobj_description(oid, 'pg_database') FROM pg_database"
        " WHERE NOT datistemplate ORDER BY datname"
    ).fetchall()
    beginning = beside(name, f"{SCRATCH}_{'0' * _DIGITS}")[:-_DIGITS]
    named = [(found, note) for found, note in rows if found.startswith(beginning) and _RANDOM.search(found)]
    return [found for found, note in named if len(found) == len(beginning) + _DIGITS and not _is_kept(found, note)]


def _note(connection: Connection, name: str, owner: Path | None) -> None:
    mark = {"homeport": SCRATCH, "host": socket.gethostname(), "machine": _machine(), "owner": None, "place": ""}
    if owner is not None:
        whole = owner.absolute()
        mark |= {"owner": str(whole), "place": _place(whole)}
    text = json.dumps(mark)
    with told(f"The database {name} cannot be written on"):
        connection.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(sql.Identifier(name), sql.Literal(text)))


def _is_kept(name: str, note: str | None) -> bool:
    """Whether a directory of this machine has it, or nobody here can tell.

    Nobody can of a directory that another machine has, be it one of the same name, nor of one in a directory for
    temporary files that is not the one that is seen from here. Marks of earlier versions do not say which that was.
    """
    here, machine = socket.gethostname(), _machine()
    try:
        found = json.loads(note or "{}")
        if found.get("host", here) != here or found.get("machine", machine) != machine:
            return True
        if not isinstance(found.get("owner"), str):
            return False
        owner = Path(found["owner"])
        if found.get("place", "") != _place(owner):
            return True
        url = read_whereabouts(owner)
        return url is not None and parse_database_url(url).name == name
    except (CannotStartError, ValueError, AttributeError):
        return True


def _machine() -> str:
    return hashlib.sha256(f"homeport {this_machine()}".encode()).hexdigest()[:_DIGITS]


def _place(owner: Path) -> str:
    """Which directory for temporary files it lies in, each of which has its own number; empty where in none."""
    for one in _PRIVATE:
        if owner.is_relative_to(one):
            try:
                found = one.stat()
            except OSError:
                return "none"
            return f"{found.st_dev}:{found.st_ino}"
    return ""


def key_of(name: str) -> int:
    """The number of the lock that whoever works on a database of this name holds, on a connection beside it."""
    return int.from_bytes(hashlib.sha256(f"homeport {name}".encode()).digest()[:8], signed=True)


def hold(connection: Connection, name: str) -> None:
    """Waits for that lock and holds it; it ends with the connection, be it that this process is killed."""
    connection.execute("SELECT pg_advisory_lock(%s)", (key_of(name),))


def _try(connection: Connection, name: str) -> bool:
    row = connection.execute("SELECT pg_try_advisory_lock(%s)", (key_of(name),)).fetchone()
    if row is None:
        raise HomeportError("The database did not answer.")
    return bool(row[0])
