"""What the two halves agree on where the data of an environment are in a PostgreSQL database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypedDict

ADDRESS_FILE: Final = "database.json"
"""In a data directory whose data are in a database; see :class:`AddressStamp`. Beside it there is no database file."""

DUMP_FILE: Final = "homeport.dump"
"""In a snapshot of data that are in a database: what ``pg_dump --format=custom`` wrote."""


@dataclass(frozen=True, slots=True)
class DatabaseAddress:
    """Where a database is, and where the password for it stands."""

    url: str
    """Of libpq, without a password: ``postgresql://homeport@db.example/homeport_production``, or with
    ``?host=/run/postgresql`` for a unix socket."""
    password_file: str | None = None
    """Absolute; None where the server lets the user in without one."""


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
