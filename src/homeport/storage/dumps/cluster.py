"""A database on its server, and the others beside it: connected to, named, made and dropped.

Here is psycopg without a pool: whoever works on a database as a whole does it once, and is no server.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from homeport.contract import DatabaseAddress
from homeport.errors import HomeportError, UsageError
from homeport.secret import Secret
from homeport.storage.postgres.admission import seen
from homeport.storage.postgres.connection import NOTICE, conninfo, one_line
from homeport.whereabouts import named

Connection = psycopg.Connection[tuple[Any, ...]]

APPLICATION_NAME: Final = "homeport data"
"""What the server's own views call connections of ours."""
LONGEST_NAME: Final = 63
"""Bytes of a name in PostgreSQL, which cuts off what is longer without a word."""
_MAINTENANCE: Final = ("postgres", "template1")
"""Databases that every server has, for what cannot be done from within the database that it is done to."""
_NO_DATABASE: Final = "3D000"
_TO_MAJOR: Final = 10_000


@dataclass(frozen=True)
class Cluster:
    """The server of a database, and the database on it that an environment's data are in.

    Args:
        address: of the database.
    """

    address: DatabaseAddress

    @cached_property
    def name(self) -> str:
        """Of the database.

        Raises:
            UsageError: the URL is none, or names no database.
        """
        try:
            found = conninfo_to_dict(self.address.url).get("dbname")
        except psycopg.ProgrammingError as error:
            raise UsageError(f"{self.address.url} is no URL of a database: {_words(error)}.") from None
        if not found:
            raise UsageError(f"{self.address.url} names no database.", "Write postgresql://user@host/name.")
        return str(found)

    @cached_property
    def password(self) -> Secret | None:
        """The password, where there is a file with one.

        Raises:
            CannotStartError: the file cannot be read, or others can read it.
        """
        found = conninfo_to_dict(conninfo(self.address)).get("password")
        return None if found is None else Secret(str(found))

    @property
    def shown(self) -> str:
        """The database as people are told of it: it has no password in it."""
        return named(self.address)

    def beside(self, name: str) -> Cluster:
        """The same server with another of its databases."""
        return Cluster(DatabaseAddress(renamed(self.address.url, name), self.address.password_file))

    def connect(self, name: str | None = None) -> Connection:
        """A connection in autocommit mode to a database of the server, its own by default.

        Raises:
            NoDatabaseError: the server has no such database.
            UnreachedError: the server cannot be reached, or refuses.
        """
        wanted = name or self.name
        try:
            return psycopg.connect(
                conninfo(self.address, dbname=wanted, application_name=APPLICATION_NAME, client_encoding="utf-8"),
                autocommit=True,
            )
        except psycopg.OperationalError as error:
            raise self._unreached(error, wanted) from None

    @contextmanager
    def connected(self, name: str | None = None) -> Iterator[Connection]:
        """:meth:`connect` for a block; it is closed after that."""
        with self.connect(name) as connection:
            yield connection

    @contextmanager
    def managed(self) -> Iterator[Connection]:
        """A connection to another database of the server than its own: for making, renaming and dropping databases.

        Raises:
            UnreachedError: none can be connected to.
        """
        with self.maintenance() as connection:
            yield connection

    def maintenance(self) -> Connection:
        """:meth:`managed` for whoever closes it.

        The server watches it: whoever has a lock on it, and loses its power, has it for seconds. No statement is too
        long for that, and none too far from the next: it is the other machine's kernel that answers.

        All come to the same database, since a lock that is held in one is free in another: it is the second only where
        the first is not there, and not where it lets nobody in.

        Raises:
            UnreachedError: it cannot be connected to.
        """
        missing: UnreachedError | None = None
        for name in _MAINTENANCE:
            try:
                if name != self.name:
                    return _watched(self.connect(name))
            except NoDatabaseError as error:
                missing = missing or error
        raise missing or UnreachedError(f"There is no database beside {self.shown} to work from.")

    def _unreached(self, error: psycopg.Error, name: str) -> UnreachedError:
        if name in _MAINTENANCE:
            # Much depends on which of them is there, and a sentence says it in the language of the server.
            error = seen(error, self.beside(name).address)
        said, place = _words(error), self.beside(name).shown
        place = place[0].upper() + place[1:]
        if error.sqlstate == _NO_DATABASE or f'database "{name}" does not exist' in said:
            hint = "Its administrator makes one: CREATE DATABASE name OWNER user."
            return NoDatabaseError(f"{place} does not exist.", hint)
        return UnreachedError(
            f"{place} cannot be reached: {said}.",
            "Look whether its server runs, and whether it lets this user in (pg_hba.conf).",
        )


class UnreachedError(HomeportError):
    """A database cannot be connected to."""


class NoDatabaseError(UnreachedError):
    """The server has no database of that name."""


def _watched(connection: Connection) -> Connection:
    """Has the server notice when nobody is at the other end any more.

    Not for connections by which many rows are read: of those, too, that wait for ten seconds to be taken, it would say
    that nobody is there.

    Raises:
        UnreachedError: the connection was lost again.
    """
    try:
        connection.execute(NOTICE)
    except psycopg.Error as error:
        connection.close()
        raise UnreachedError(f"The database server cannot be asked: {_words(error)}.") from None
    return connection


def renamed(url: str, name: str) -> str:
    """A URL that is the same but for the database that it names."""
    parts = urlsplit(url)
    query = "&".join(part for part in parts.query.split("&") if part and not part.startswith("dbname="))
    return urlunsplit(parts._replace(path=f"/{quote(name, safe='')}", query=query))


def major_version(connection: Connection) -> int:
    """Of the server: 15, 16 and so on."""
    return connection.info.server_version // _TO_MAJOR


def exists(connection: Connection, name: str) -> bool:
    """Whether the server has a database of that name."""
    return connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone() is not None


def create_like(connection: Connection, name: str, model: str) -> None:
    """Makes an empty database with the encoding and the order of letters of another, or UTF-8 where there is none.

    Raises:
        HomeportError: the user may not, or there is no room.
    """
    row = connection.execute(
        "SELECT pg_encoding_to_char(encoding), datcollate, datctype FROM pg_database WHERE datname = %s", (model,)
    ).fetchone()
    encoding, collate, kind = row or ("UTF8", "C", "C")
    statement = sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING {} LC_COLLATE {} LC_CTYPE {}").format(
        sql.Identifier(name), sql.Literal(encoding), sql.Literal(collate), sql.Literal(kind)
    )
    with told(f"The database {name} cannot be made"):
        connection.execute(statement)


def drop(connection: Connection, name: str, *, force: bool = False) -> None:
    """Drops a database, if there is one of that name.

    Args:
        connection: to another database of the server.
        name: of what is dropped.
        force: ends the connections that others have to it.

    Raises:
        HomeportError: somebody is connected to it, or the user may not.
    """
    statement = sql.SQL("DROP DATABASE IF EXISTS {}" + (" WITH (FORCE)" if force else "")).format(sql.Identifier(name))
    with told(f"The database {name} cannot be dropped"):
        connection.execute(statement)


@contextmanager
def told(what: str) -> Iterator[None]:
    """Says what failed, and why, in one sentence.

    Raises:
        HomeportError: the database refused, or the connection is gone.
    """
    try:
        yield
    except psycopg.errors.InsufficientPrivilege as error:
        hint = "Its administrator lets it: ALTER ROLE user CREATEDB. Backups and drills need databases of their own."
        raise HomeportError(f"{what}: {_words(error)}.", hint) from None
    except psycopg.Error as error:
        raise HomeportError(f"{what}: {_words(error)}.") from error


def _words(error: BaseException) -> str:
    return one_line(error).rstrip(".") or type(error).__name__
