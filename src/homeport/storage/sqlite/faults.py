"""What SQLite's errors mean to those who read them."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Final

from pysqlite3 import dbapi2

from homeport.errors import CannotStartError, HomeportError, InvalidError, UnavailableError
from homeport.storage.sqlite.database import DatabaseError
from homeport.storage.sqlite.room import LEAST_ROOM, room_for

_PRIMARY: Final = 0xFF
"""The extended code of an error has its primary code in the lowest byte."""

_GOES_ON: Final = "Nothing of this was stored. The server goes on by itself when that has changed; call again then."
_RESTORE: Final = "Stop the server and restore the last backup; keep the damaged files."

_SENTENCES: Final = {
    dbapi2.SQLITE_FULL: ("There is no room left for {path}: the disk is full.", f"Free space. {_GOES_ON}"),
    dbapi2.SQLITE_READONLY: ("{path} is read-only.", f"Make it writable for the server's user. {_GOES_ON}"),
    dbapi2.SQLITE_IOERR: ("Reading or writing {path} failed ({name}).", f"Look at the disk. {_GOES_ON}"),
    dbapi2.SQLITE_CANTOPEN: ("{path} cannot be opened.", "Look at its directory and permissions."),
    dbapi2.SQLITE_PERM: ("{path} may not be opened.", "Look at its owner and permissions."),
    dbapi2.SQLITE_AUTH: ("{path} may not be opened.", "Look at its owner and permissions."),
    dbapi2.SQLITE_CORRUPT: ("{path} is damaged ({text}).", _RESTORE),
    dbapi2.SQLITE_NOTADB: ("{path} is not a SQLite database.", _RESTORE),
    dbapi2.SQLITE_BUSY: ("{path} is in use by another process.", "Look for who holds it, or call again."),
    dbapi2.SQLITE_LOCKED: ("{path} is in use by another process.", "Look for who holds it, or call again."),
    dbapi2.SQLITE_NOMEM: ("There is not enough memory to use {path}.", "Free memory and call again."),
    dbapi2.SQLITE_PROTOCOL: ("{path} cannot be locked.", "Keep the data on a local disk."),
    dbapi2.SQLITE_NOLFS: ("{path} is too large for its file system.", "Move the data to another disk."),
}


def primary_code(error: BaseException) -> int:
    """SQLite's primary result code, 0 where the error has none."""
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & _PRIMARY


def _told_code(error: BaseException, path: Path) -> int:
    """The code to explain: where the disk is full, some writes fail as any failing disk would make them."""
    code = primary_code(error)
    return dbapi2.SQLITE_FULL if code == dbapi2.SQLITE_IOERR and room_for(path) < LEAST_ROOM else code


def is_busy(error: BaseException) -> bool:
    """Whether another connection is in the way, so that waiting helps."""
    return primary_code(error) in (dbapi2.SQLITE_BUSY, dbapi2.SQLITE_LOCKED)


def unavailable(error: DatabaseError, path: Path) -> UnavailableError | None:
    """The refusal for a fault of disk, file or lock; None for an error of ours, which must be seen as it is."""
    found = _SENTENCES.get(_told_code(error, path))
    if found is None:
        return None
    return UnavailableError(_worded(found[0], error, path), found[1], fault=_name(error))


def cannot_start(error: DatabaseError | OSError, path: Path) -> CannotStartError:
    """The same where a store is being opened."""
    if isinstance(error, OSError):
        reason = error.strerror or errno.errorcode.get(error.errno or 0, "unknown error")
        return CannotStartError(f"{path} cannot be opened: {reason}.", "Look at its owner and permissions.")
    sentence, hint = _SENTENCES.get(_told_code(error, path), ("{path} cannot be opened ({text}).", ""))
    return CannotStartError(_worded(sentence, error, path), hint.replace(f" {_GOES_ON}", ""))


def _worded(sentence: str, error: DatabaseError, path: Path) -> str:
    return sentence.format(path=path, name=_name(error), text=error)


def _name(error: BaseException) -> str:
    name: str = getattr(error, "sqlite_errorname", "SQLITE_ERROR")
    return name


def readable(error: BaseException, path: Path) -> BaseException:
    """An error as the port promises it; one of ours that nobody foresaw stays what it is."""
    found: BaseException | None = None
    if isinstance(error, HomeportError):
        return error
    if isinstance(error, DatabaseError):
        found = unavailable(error, path)
    elif isinstance(error, OverflowError):
        found = InvalidError("A number is over 64 bits.", "Use a smaller one.")
    elif isinstance(error, UnicodeEncodeError):
        found = InvalidError("A text is not valid Unicode.", "Remove the lone surrogates.")
    if found is None:
        return error
    found.__cause__ = error
    return found
