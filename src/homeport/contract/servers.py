"""How servers of one environment are told apart, on whatever machines they run, and which schemas they live with."""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Self, TypedDict

_LONGEST: Final = 63
"""Bytes; PostgreSQL cuts off what is longer."""
_PATTERN: Final = re.compile(r"homeport (\d{4}) (\S+) ([0-9a-f]{6}) (\S+)")
_NONE: Final = "-"


@dataclass(frozen=True, slots=True)
class ServerName:
    """What the connections of a server are called in its database, so that everybody can see who is there."""

    knows: str
    """The newest revision of the schema that it knows."""
    release: str
    """Empty where it is none."""
    home: str
    """See :func:`home_of`."""
    host: str

    def __str__(self) -> str:
        """One line of ASCII that PostgreSQL keeps whole; of a long host its beginning."""
        host = "".join(letter if "!" <= letter <= "~" else "?" for letter in self.host) or _NONE
        return f"homeport {self.knows} {self.release or _NONE} {self.home} {host}"[:_LONGEST]

    @classmethod
    def read(cls, text: str) -> Self | None:
        """What :meth:`__str__` wrote; None where it is something else."""
        found = _PATTERN.fullmatch(text)
        if found is None:
            return None
        knows, release, home, host = found.groups()
        return cls(knows, "" if release == _NONE else release, home, host)


def home_of(machine: str, data_directory: str) -> str:
    """Tells the servers of one data directory from those of another, be it on the same machine.

    Args:
        machine: whatever tells machines apart.
        data_directory: as it is declared.
    """
    return sha256(f"{machine}\n{data_directory}".encode()).hexdigest()[:6]


class ServerSeen(TypedDict):
    """A server that has an environment's database open."""

    knows: str
    """The newest revision of the schema that it knows."""
    release: str
    """Empty where it is none."""
    host: str
    address: str
    """From where it is connected, as the database sees it."""
    since: str
    """RFC 3339: when the oldest of its connections was made. Empty where nobody says: PostgreSQL hides it, and the
    address, where the server logs in as a role that ours is no member of."""
    here: bool
    """Whether it is of this machine's data directory."""


def lives_with(knows: str, schema: str | None, usable_from: int) -> bool:
    """Whether a server can use a database as it is.

    Args:
        knows: the newest revision that the server knows.
        schema: the revision of the database; None where it has none.
        usable_from: the oldest revision whose release can use it, as its migrations say; 0 where nothing says so.
    """
    return schema == knows or (schema is not None and schema > knows and 0 < usable_from <= int(knows))


def server_in_words(server: ServerSeen) -> str:
    """A server as people are told of it."""
    where = f"{server['host']}, {server['address']}" if server["address"] else server["host"]
    release = f"release {server['release']}" if server["release"] else "no release"
    since = f", since {server['since']}" if server["since"] else ""
    return f"the server on {where} ({release}{since})"
