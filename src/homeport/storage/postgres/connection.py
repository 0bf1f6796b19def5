"""A connection to PostgreSQL, and how one is made.

Whatever an address asks for, every connection is set up the same way: a server that is gone is noticed within seconds,
and a transaction whose client is gone ends by itself, so that nobody waits for what it had locked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import TransactionStatus
from psycopg.types.numeric import Int8Dumper

from homeport.contract import DatabaseAddress
from homeport.errors import CannotStartError
from homeport.storage.postgres.nul import kept, restoring_row
from homeport.storage.sql.database import Cursor, Row
from homeport.whereabouts import read_password

CONNECT_SECONDS: Final = 5
_ALIVE: Final[dict[str, str | int]] = {
    "connect_timeout": CONNECT_SECONDS,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
    "application_name": "homeport",
}
"""Libpq's own settings; an address may have others."""
_EACH: Final = "Multiple connection attempts failed."
_FAILED: Final = "connection failed: "
_ASKING: Final = "Is the server running "


NOTICE: Final = (
    "SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 3;"
    " SET tcp_user_timeout = 10000"
)
"""By which the database notices that whoever holds a lock of it is gone."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a connection's statements may take; seconds."""

    statement: int
    lock: int = 10
    idle: int = 10
    """Between two statements of a transaction: whoever is cut off holds its locks for that long."""

    def settings(self) -> str:
        """The statements that set them."""
        return (
            f"SET statement_timeout = '{self.statement}s'; SET lock_timeout = '{self.lock}s';"
            f" SET idle_in_transaction_session_timeout = '{self.idle}s';"
            " SET client_encoding = 'UTF8'; SET DateStyle = 'ISO'"
        )


def conninfo(address: DatabaseAddress, **others: str | int) -> str:
    """What libpq is told; with the password, so it must not be shown.

    Raises:
        CannotStartError: the address is not one, or the file with the password cannot be read.
    """
    try:
        given = conninfo_to_dict(address.url)
    except psycopg.Error as error:
        raise CannotStartError(f"The database's address cannot be understood: {one_line(error)}.") from None
    secret = read_password(address)
    if secret is not None:
        others["password"] = secret.reveal()
    called = {"application_name": address.called} if address.called else {}
    settings: dict[str, Any] = {**_ALIVE, **given, **called, **others}
    return make_conninfo(**settings)


def connect(address: DatabaseAddress, limits: Limits, **others: str | int) -> psycopg.Connection[Row]:
    """A connection in autocommit mode.

    Raises:
        psycopg.Error: there is none to be had.
        CannotStartError: see :func:`conninfo`.
    """
    connection = psycopg.Connection.connect(conninfo(address, **others), autocommit=True)
    try:
        set_up(connection, limits)
    except BaseException:
        connection.close()
        raise
    return connection


def set_up(connection: psycopg.Connection[Row], limits: Limits) -> None:
    """Prepares a connection that was just made."""
    connection.adapters.register_dumper(int, Int8Dumper)
    # What is executed here is made of a fixed set of pieces: worth to be planned once.
    connection.prepare_threshold = 3
    connection.prepared_max = 500
    connection.execute(limits.settings())


class PostgresDatabase:
    """See :class:`homeport.storage.sql.database.Database`."""

    def __init__(self, connection: psycopg.Connection[Row]) -> None:
        self.connection = connection
        self.total_changes = 0

    @property
    def in_transaction(self) -> bool:
        """Whether one is under way that can still go on."""
        return self.connection.info.transaction_status == TransactionStatus.INTRANS

    def execute(self, statement: str, values: Sequence[object] = (), /) -> Cursor:
        cursor = self.connection.cursor(row_factory=restoring_row)
        cursor.execute(_translated(statement), kept(values))
        if not is_read(statement):
            self.total_changes += max(cursor.rowcount, 0)
        return Result(cursor)

    def executemany(self, statement: str, rows: Iterable[Sequence[object]], /) -> Result:
        cursor = self.connection.cursor(row_factory=restoring_row)
        cursor.executemany(_translated(statement), map(kept, rows))
        self.total_changes += max(cursor.rowcount, 0)
        return Result(cursor)

    def close(self) -> None:
        self.connection.close()


class Result:
    """See :class:`homeport.storage.sql.database.Cursor`."""

    __slots__ = ("_cursor",)

    def __init__(self, cursor: psycopg.Cursor[Row]) -> None:
        self._cursor = cursor

    @property
    def rowcount(self) -> int:
        return self._cursor.rowcount

    def fetchone(self) -> Row | None:
        return self._cursor.fetchone()

    def fetchall(self) -> list[Row]:
        return self._cursor.fetchall()

    def __iter__(self) -> Iterator[Row]:
        return iter(self._cursor)


@lru_cache(maxsize=2000)
def is_read(statement: str) -> bool:
    """Whether a statement of the records changes nothing."""
    return statement.lstrip().startswith("SELECT")


@lru_cache(maxsize=2000)
def _translated(statement: str) -> bytes:
    """A statement with psycopg's marks for values."""
    return statement.replace("%", "%%").replace("?", "%s").encode()


def one_line(error: BaseException) -> str:
    """What an error says, on one line, and once: libpq says it for each address of a host, and for each try."""
    said = str(error).partition(_EACH)[0].removeprefix(_FAILED).splitlines()
    lines = dict.fromkeys(" ".join(line.split()) for line in said)
    return " ".join(line for line in lines if line and not line.startswith(_ASKING))
