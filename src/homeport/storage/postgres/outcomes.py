"""What became of a transaction whose end nobody heard of, because the connection was lost while it committed.

PostgreSQL's number of a transaction says whether that is still under way, and no more: a crash, or a standby that takes
over, forgets numbers whose transactions left no trace, and gives them to others. So each transaction leaves a mark that
no other one has; where the mark is, all of the transaction is.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Final

import psycopg
from psycopg import errors

from homeport.storage.sql.database import Row

TABLE: Final = "homeport_commits"
MAKE: Final = f"""
    CREATE TABLE IF NOT EXISTS {TABLE} (
        mark TEXT CONSTRAINT pk_{TABLE} PRIMARY KEY,
        at TIMESTAMPTZ NOT NULL DEFAULT now()
    )
"""
SWEEP: Final = f"DELETE FROM {TABLE} WHERE at < now() - INTERVAL '1 day'"  # noqa: S608 - made of constants
"""Removes what connections left that ended, the last row of each; nobody asks for it any more."""

_STANDBY: Final = "SELECT pg_is_in_recovery()"
_STATE: Final = "SELECT pg_xact_status(CAST(%s AS XID8))"
_HAS: Final = f"SELECT EXISTS (SELECT FROM {TABLE} WHERE mark = %s)"  # noqa: S608 - as above


@dataclass(frozen=True, slots=True)
class Ending:
    """By what the end of a transaction can be asked for.

    Attributes:
        transaction: PostgreSQL's number of it.
        mark: what it leaves.
    """

    transaction: str
    mark: str = field(default_factory=lambda: secrets.token_hex(16))

    def leaving(self, before: Ending | None) -> str:
        """The statement that leaves the mark; the one of the transaction before it, of the same server, goes."""
        inserted = f"INSERT INTO {TABLE} (mark) VALUES ('{self.mark}')"  # noqa: S608 - made of our own digits
        if before is None:
            return inserted
        return f"WITH gone AS (DELETE FROM {TABLE} WHERE mark = '{before.mark}') {inserted}"  # noqa: S608 - as above


def is_kept(connection: psycopg.Connection[Row], ending: Ending) -> bool | None:
    """Whether a transaction is in the database; None while that is not decided.

    Args:
        connection: on which no transaction is under way.
        ending: of the transaction.

    Raises:
        psycopg.Error: the database does not answer.
    """
    # In a statement of its own, before the others: a standby may have the commit still before it, and once it has taken
    # over it is none any more.
    [(standby,)] = connection.execute(_STANDBY).fetchall()
    if standby:
        return None
    try:
        [(state,)] = connection.execute(_STATE, (ending.transaction,)).fetchall()
    except errors.InvalidParameterValue:
        # Of a number that lies in the future: the database has forgotten that it ever gave it.
        return False
    if state == "in progress":
        return None
    # Asked for afterwards: a statement sees what was kept before it began.
    [(found,)] = connection.execute(_HAS, (ending.mark,)).fetchall()
    return bool(found)


def forget_all(connection: psycopg.Connection[Row]) -> None:
    """Removes all marks of a database that no server has open: one that is there later was left since."""
    if _has_marks(connection):
        connection.execute(f"DELETE FROM {TABLE}")  # noqa: S608 - as above


def has_any(connection: psycopg.Connection[Row]) -> bool:
    """Whether a server has written to a database since :func:`forget_all`."""
    if not _has_marks(connection):
        return False
    [(found,)] = connection.execute(f"SELECT EXISTS (SELECT FROM {TABLE})").fetchall()  # noqa: S608 - as above
    return bool(found)


def _has_marks(connection: psycopg.Connection[Row]) -> bool:
    """A server makes the table before it writes for the first time."""
    [(found,)] = connection.execute("SELECT to_regclass(%s)", (TABLE,)).fetchall()
    return found is not None
