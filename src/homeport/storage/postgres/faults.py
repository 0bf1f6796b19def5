"""What PostgreSQL's errors mean to those who read them."""

from __future__ import annotations

from typing import Final

import psycopg
from psycopg import errors
from psycopg_pool import PoolTimeout

from homeport.errors import CannotStartError, HomeportError, InvalidError, UnavailableError
from homeport.storage.postgres.connection import one_line

_GOES_ON: Final = "Nothing of this was stored. The server goes on by itself when that has changed; call again then."

_SENTENCES: Final[tuple[tuple[tuple[type[BaseException], ...], str, str], ...]] = (
    ((errors.DiskFull,), "There is no room left for {place}: its disk is full.", f"Free space there. {_GOES_ON}"),
    (
        (errors.ReadOnlySqlTransaction,),
        "{place} is read-only.",
        f"Make it writable; a standby must be promoted first. {_GOES_ON}",
    ),
    (
        (errors.TooManyConnections,),
        "{place} has no connection left ({text}).",
        f"Raise max_connections, or the limit of the user or the database. {_GOES_ON}",
    ),
    ((errors.OutOfMemory,), "{place} has no memory left ({text}).", f"Give its server more. {_GOES_ON}"),
    ((errors.LockNotAvailable,), "{place} is in use: a lock was not free in time.", f"Look in pg_locks. {_GOES_ON}"),
    (
        (errors.QueryCanceled, errors.IdleInTransactionSessionTimeout),
        "{place} took too long to answer.",
        f"Look at its load. {_GOES_ON}",
    ),
    (
        (errors.InsufficientPrivilege,),
        "The server's user may not do that in {place} ({text}).",
        f"Grant it to the user. {_GOES_ON}",
    ),
    (
        (errors.InvalidPassword, errors.InvalidAuthorizationSpecification),
        "{place} does not let the server in ({text}).",
        "Look at user, password and pg_hba.conf.",
    ),
    ((errors.InvalidCatalogName,), "There is no such database: {place}.", "Create it, or correct the address."),
    (
        (errors.UndefinedTable, errors.UndefinedColumn, errors.UndefinedFunction),
        "{place} has another schema than this version ({text}).",
        "Start the version that it belongs to.",
    ),
    (
        (errors.DataCorrupted, errors.IndexCorrupted),
        "{place} is damaged ({text}).",
        "Stop the servers, keep the database as it is, and restore the last backup.",
    ),
    (
        (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout),
        "{place} cannot be reached ({text}).",
        f"Look whether PostgreSQL runs. {_GOES_ON}",
    ),
)

_OVER_LIMITS: Final = (
    errors.ProgramLimitExceeded,  # such as a value that is too long for an index
    errors.StatementTooComplex,
    errors.TooManyColumns,
    errors.TooManyArguments,
)
"""OperationalErrors to psycopg, but about what one work asks for; the database is well."""
_AGAIN: Final = (
    errors.SerializationFailure,
    errors.DeadlockDetected,
    errors.TooManyConnections,
    errors.InvalidCatalogName,  # for the moment in which a restore puts another database in its place
)
_NEVER: Final = (
    errors.DiskFull,
    errors.QueryCanceled,
    errors.LockNotAvailable,
    errors.InvalidPassword,
    errors.InvalidAuthorizationSpecification,
    errors.OutOfMemory,
    *_OVER_LIMITS,
)
"""OperationalErrors of the server's that another try would meet again, or that have been waited for already."""


def is_passing(error: BaseException) -> bool:
    """Whether another try, on a new connection, may succeed: the server is away, or two transactions met."""
    if isinstance(error, _AGAIN):
        return True
    return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError) and not isinstance(error, _NEVER)


def unavailable(error: BaseException, place: str) -> UnavailableError | None:
    """The refusal for a fault of server or network; None for an error of ours, which must be seen as it is."""
    found = _words(error)
    return None if found is None else UnavailableError(_worded(found[0], error, place), found[1], fault=_name(error))


def migrated(place: str) -> UnavailableError:
    """What is told while others wait until a migration has ended."""
    sentence = _worded("{place} is being migrated: what is to be written waits until that has ended.", None, place)
    return UnavailableError(sentence, fault="migrating")


def cannot_start(error: BaseException, place: str) -> CannotStartError:
    """The same where a store is being opened."""
    sentence, hint = _words(error) or ("{place} cannot be opened ({text}).", "")
    return CannotStartError(_worded(sentence, error, place), hint.replace(f" {_GOES_ON}", ""))


def readable(error: BaseException, place: str) -> BaseException:
    """An error as the port promises it; one of ours that nobody foresaw stays what it is."""
    if isinstance(error, HomeportError):
        return error
    found: BaseException | None = unavailable(error, place)
    if found is None and isinstance(error, errors.NumericValueOutOfRange):
        found = InvalidError("A number is over 64 bits.", "Use a smaller one.")
    elif found is None and isinstance(error, _OVER_LIMITS):
        found = InvalidError(
            f"Something of this is longer than {place} can keep ({one_line(error).rstrip('.')}).",
            "Shorten it, or split it.",
        )
    elif found is None and isinstance(error, UnicodeEncodeError):
        found = InvalidError("A text is not valid Unicode.", "Remove the lone surrogates.")
    if found is None:
        return error
    found.__cause__ = error
    return found


def _words(error: BaseException) -> tuple[str, str] | None:
    """Sentence and hint for a fault of server or network."""
    if isinstance(error, _OVER_LIMITS):
        return None
    found = next(((sentence, hint) for kinds, sentence, hint in _SENTENCES if isinstance(error, kinds)), None)
    if found is not None and "certificate" in str(error):
        return found[0], f"Look at its certificate, at sslrootcert, and at the clock of this machine. {_GOES_ON}"
    return found


def _worded(sentence: str, error: BaseException | None, place: str) -> str:
    text = sentence.format(place=place, text="" if error is None else one_line(error).rstrip("."))
    return text[0].upper() + text[1:]


def _name(error: BaseException) -> str:
    return getattr(error, "sqlstate", None) or type(error).__name__
