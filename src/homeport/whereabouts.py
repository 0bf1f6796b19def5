"""Where the data of a data directory are: in a file of it, or in a PostgreSQL database that it names.

Both halves use this. A directory whose data are in a database says so in ``database.json``, so that neither a changed
declaration nor an old one makes a server begin anew somewhere else while the data lie where they were.
"""

from __future__ import annotations

import errno
import json
import os
import stat
from pathlib import Path
from typing import Final

from homeport.contract import DATABASE_FILE, DatabaseAddress
from homeport.contract.database import ADDRESS_FILE, AddressStamp
from homeport.database_url import parse_database_url
from homeport.errors import CannotStartError
from homeport.files import write_atomically
from homeport.secret import Secret

_LARGEST: Final = 4096
"""Bytes of a password's file."""


def read_whereabouts(directory: Path) -> str | None:
    """The URL of the database that holds the data of a directory; None where it names none.

    Raises:
        CannotStartError: what it says cannot be read or understood.
    """
    file = directory / ADDRESS_FILE
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        url = found["url"]
        parse_database_url(url)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CannotStartError(f"{file} cannot be read: {error.strerror}.") from None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise CannotStartError(
            f"{file} is no JSON object with the URL of a database.",
            "Put it back from a backup. Removed, it is written anew by a start on the database that has these data.",
        ) from None
    return str(url)


def write_whereabouts(directory: Path, url: str) -> None:
    """Stamps a directory. Whoever calls it has made sure that its data are in that database.

    Raises:
        OSError: it cannot be written.
    """
    write_atomically(directory / ADDRESS_FILE, json.dumps(AddressStamp(url=url), indent=2) + "\n")


def check_whereabouts(directory: Path, database: DatabaseAddress | None) -> None:
    """Makes sure, without writing, that the data of a directory are where the declaration says, or nowhere yet.

    Raises:
        CannotStartError: they are elsewhere; nothing is begun anew where the data are not.
    """
    stamped = read_whereabouts(directory)
    move = "homeport data move ENV brings them to where the declaration says; or declare what was declared before."
    if database is None:
        if stamped is None:
            return
        raise CannotStartError(
            f"The data of {directory} are in the database {shown(stamped)}, and no database is declared.",
            move,
            data_directory=str(directory),
            database=shown(stamped),
        )
    if (directory / DATABASE_FILE).exists():
        raise CannotStartError(
            f"{directory} holds its data in {DATABASE_FILE}, and the database {shown(database.url)} is declared.",
            move,
            data_directory=str(directory),
            database=shown(database.url),
        )
    if stamped is not None and shown(stamped) != shown(database.url):
        raise CannotStartError(
            f"The data of {directory} are in the database {shown(stamped)}, and {shown(database.url)} is declared.",
            f"{move} Where it is the same database under another name, remove {directory / ADDRESS_FILE}.",
            data_directory=str(directory),
            database=shown(stamped),
            declared=shown(database.url),
        )


def shown(url: str) -> str:
    """A database in few words: host, port and name."""
    return parse_database_url(url).place


def named(address: DatabaseAddress) -> str:
    """A database as sentences call it, also where its URL cannot be used: that is what the sentence is about."""
    try:
        return f"the database {shown(address.url)}"
    except ValueError:
        return "the database"


def read_password(address: DatabaseAddress) -> Secret | None:
    """The password for a database; None where the address names no file. Read each time, so that a new one holds.

    Raises:
        CannotStartError: the file is missing, cannot be read, may be read by others, or holds no password.
    """
    if address.password_file is None:
        return None
    file = Path(address.password_file)
    try:
        with file.open("rb") as stream:
            found = os.fstat(stream.fileno())
            text = stream.read(_LARGEST + 1)
    except OSError as error:
        raise CannotStartError(
            f"The password for {shown(address.url)} cannot be read from {file}: {error.strerror}"
            f" ({errno.errorcode.get(error.errno or 0, 'unknown')}).",
            "Under systemd homeport provision ENV hands it to the server; else its file must be yours.",
            file=str(file),
        ) from None
    # What systemd hands over may be readable for root's group, which has nobody but root.
    others = 0o037 if found.st_gid == 0 else 0o077
    if stat.S_IMODE(found.st_mode) & others:
        raise CannotStartError(
            f"The password in {file} may be read by others.",
            f"chmod go= {file}, and change the password.",
            file=str(file),
        )
    # An editor ends the line; all else may be part of a password.
    line = text.removesuffix(b"\n").removesuffix(b"\r")
    if not line or len(text) > _LARGEST or b"\n" in line or b"\0" in line:
        raise CannotStartError(f"{file} must hold the password, one line and nothing else.", file=str(file))
    try:
        return Secret(line.decode())
    except UnicodeDecodeError:
        raise CannotStartError(f"{file} is not UTF-8 text.", file=str(file)) from None
