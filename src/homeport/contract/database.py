"""What the two halves agree on where the data of an environment are in a PostgreSQL database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, NotRequired, TypedDict

from homeport.contract.servers import ServerSeen

Keeping = Literal["file", "database"]
"""What the data of an environment are in: a file of their directory, or a PostgreSQL database."""

ADDRESS_FILE: Final = "database.json"
"""In a data directory whose data are in a database; see :class:`AddressStamp`. Beside it there is no database file."""

DUMP_FILE: Final = "homeport.dump"
"""In a snapshot of data that are in a database: what ``pg_dump --format=custom`` wrote."""

WAITING: Final = "Waiting for the data: "
"""What a server says to its service manager begins so, with the reason behind it, while it waits for its database."""


@dataclass(frozen=True, slots=True)
class DatabaseAddress:
    """Where a database is, and where the password for it stands."""

    url: str
    """Of libpq, without a password: ``postgresql://homeport@db.example/homeport_production``, or with
    ``?host=/run/postgresql`` for a unix socket."""
    password_file: str | None = None
    """Absolute; None where the server lets the user in without one."""
    called: str = ""
    """What connections to it call themselves; empty where nobody need know who it is."""


class AddressStamp(TypedDict):
    """The content of :data:`ADDRESS_FILE`: one JSON object, UTF-8, mode 0644."""

    url: str
    """As in :class:`DatabaseAddress`, of the database that holds the data of this directory."""


class DatabaseExchanged(TypedDict):
    """``homeport data exchange ENV``: which databases have which names now."""

    database: str
    """The environment's."""
    kept: str | None
    """What was the environment's before; None where it is the environment's again."""
    left: str | None
    """What became it and was taken back again, where somebody may have written to it; None else."""
    done: bool
    """Whether anything was renamed: it was so already where not."""


class DatabasesSwept(TypedDict):
    """``homeport data sweep ENV``."""

    swept: list[str]
    """Scratch databases that nobody had any more, by name."""


class DataConverted(TypedDict):
    """``homeport data convert DIR``: a snapshot of the one kind made into the other."""

    rows: dict[str, int]
    """By table; each of them was compared on both sides."""
    digests: dict[str, str]
    """Of all rows of each table, the same on both sides."""
    seconds: float


class DatabaseTransaction(TypedDict):
    """A transaction that is under way."""

    pid: int
    user: str
    program: str
    """What it calls itself."""
    address: str
    state: str
    seconds: float


class DatabaseTable(TypedDict):
    """A table, and what it holds that nobody sees any more."""

    name: str
    live: int
    dead: int
    """Rows that were changed or removed, and whose room is not free yet."""
    bytes: int


class Standby(TypedDict):
    """A server that follows."""

    name: str
    address: str
    state: str
    bytes: float | None
    """How much of the log it has not replayed; None where this role may not see it."""
    seconds: float | None


class DatabaseKept(TypedDict):
    """A database that another one took the place of."""

    name: str
    label: str
    """What ``homeport data drop ENV --label`` is told."""
    bytes: int


class DatabaseState(TypedDict):
    """How a database and its server are, as far as the role of the environment may see it."""

    problem: str
    """Why it cannot be asked; empty where it can."""
    remedy: NotRequired[str]
    """What helps, where that is known."""
    version: str
    major: int
    encoding: str
    standby: bool
    bytes: int
    role: str
    may_create: bool
    """Whether the role may make databases."""
    owns_database: bool
    not_owned: list[str]
    """Tables and sequences that are not the role's; the first of them."""
    programs: str
    """Why pg_dump and pg_restore cannot be used; empty where they can."""
    environment: str | None
    """Whose data the database says that it holds."""
    identity: str | None
    schema: str | None
    """The revision that it has."""
    usable_from: int
    """The oldest revision whose release can use it; 0 where nothing says so."""
    servers: list[ServerSeen]
    """Those that have it open."""
    last_backup: NotRequired[str | None]
    """RFC 3339: the last good one, as the servers of whatever machine made it have said."""
    connections: int
    """Of clients, to the whole server."""
    connection_limit: int
    database_connections: int
    database_limit: int | None
    """None where the database has no limit of its own."""
    transactions: list[DatabaseTransaction]
    """The longest first."""
    tables: list[DatabaseTable]
    """Those with the most dead rows."""
    standbys: list[Standby]
    archive_failure: str | None
    """The file of the log that could not be archived last."""
    left_over: list[str]
    """Scratch databases that nobody has."""
    kept: list[DatabaseKept]
    """Databases that were kept when others took their place."""
