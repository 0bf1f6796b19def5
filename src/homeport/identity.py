"""Whose data a data directory holds, and whether a server may open it.

Both halves use this. A directory says in ``identity.json`` which environment it belongs to; a server refuses
what is another's, what it cannot write, and what it does not know, each with a sentence of its own
(docs/incident.md: a data path under two names pointed both environments at one directory).
"""

from __future__ import annotations

import errno
import json
import os
import pwd
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, cast

from homeport.contract import APPLICATION, BEGINNING_FILE, IDENTITY_FILE, LOCK_FILES, Identity
from homeport.datalock import DataLock, LockHolder
from homeport.errors import CannotStartError
from homeport.files import is_temporary, sync_directory, write_atomically

_PROBE_PREFIX: Final = ".homeport-probe."
_NOT_DATA: Final = LOCK_FILES | {BEGINNING_FILE, "lost+found"}
_BEGUN: Final = (BEGINNING_FILE, IDENTITY_FILE)
"""What :func:`begin` writes."""
_KEYS: Final = tuple(Identity.__annotations__)


def new_identity(
    environment: str,
    *,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    new_id: Callable[[], str] = lambda: str(uuid.uuid4()),
) -> Identity:
    """The identity of data that begins now."""
    return Identity(
        application=APPLICATION, environment=environment, id=new_id(), created=now().isoformat(timespec="seconds")
    )


def parse_identity(text: str, file: str) -> Identity:
    """Reads the content of an identity file.

    Raises:
        CannotStartError: it is not a JSON object with the four texts; ``file`` is named.
    """
    hint = "Put the file back from a backup; nothing was changed."
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CannotStartError(f"{file} is not valid JSON: {error}.", hint) from None
    if not isinstance(found, dict) or any(not isinstance(found.get(key), str) or not found[key] for key in _KEYS):
        raise CannotStartError(f"{file} must be a JSON object with the texts {', '.join(_KEYS)}.", hint)
    return cast("Identity", {key: found[key] for key in _KEYS})


def check_identity(found: Identity, environment: str, directory: str, kind: str = "data directory") -> None:
    """Decides whether a server of ``environment`` may open data that says ``found``. Pure.

    Args:
        found: what they say.
        environment: whose they must be.
        directory: where they are.
        kind: what that is.

    Raises:
        CannotStartError: the data are another application's or another environment's.
    """
    details = {"data_directory": directory, "found": dict(found), "expected": environment}
    if found["application"] != APPLICATION:
        raise CannotStartError(
            f"{directory} holds data of the application {found['application']}, not of {APPLICATION}.",
            f"Declare another {kind} for this environment.",
            **details,
        )
    if found["environment"] != environment:
        raise CannotStartError(
            f"{directory} holds data of {found['environment']}, not of {environment}.",
            f"Declare another {kind} for {environment}: no two environments share data.",
            **details,
        )


def read_identity(directory: Path) -> Identity | None:
    """The identity of a data directory; None where it has no identity file.

    Raises:
        CannotStartError: the file is there and cannot be read or understood.
    """
    file = directory / IDENTITY_FILE
    try:
        return parse_identity(file.read_text(encoding="utf-8"), str(file))
    except FileNotFoundError:
        return None
    except UnicodeDecodeError as error:
        raise CannotStartError(f"{file} is not UTF-8 text: {error.reason} at byte {error.start}.") from None
    except OSError as error:
        raise CannotStartError(f"{file} cannot be read: {_named(error)}.") from None


def write_identity(directory: Path, identity: Identity) -> None:
    """Stamps a data directory. Whoever calls it has made sure that the data are of that environment."""
    write_atomically(directory / IDENTITY_FILE, json.dumps(identity, indent=2) + "\n")


def begin(directory: Path, identity: Identity) -> None:
    """Stamps an empty data directory, and notes beforehand that its database is yet to be made.

    A crash after any step of it leaves a directory that the next start goes on with; see :func:`may_begin`.
    """
    write_atomically(directory / BEGINNING_FILE, "The database of this data directory is not made yet.\n")
    write_identity(directory, identity)


def may_begin(directory: Path) -> bool:
    """Whether a database may be made in a directory that has none: not where there was one, as an identity says."""
    return (directory / BEGINNING_FILE).exists() or not (directory / IDENTITY_FILE).exists()


def end_beginning(directory: Path) -> None:
    """The database is made: from now on one that is missing was lost."""
    if (directory / BEGINNING_FILE).exists():
        (directory / BEGINNING_FILE).unlink(missing_ok=True)
        sync_directory(directory)


def prove_writable(directory: Path) -> None:
    """Creates a file in ``directory``, brings it to the disk and removes it: permission bits prove nothing.

    Raises:
        CannotStartError: that failed; read-only, forbidden and full are told apart, with the errno's name.
    """
    probe = directory / f"{_PROBE_PREFIX}{os.getpid()}"
    try:
        descriptor = os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, b"\0" * 4096)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
            probe.unlink()
        sync_directory(directory)
    except OSError as error:
        raise unwritable(directory, error) from None


def unwritable(directory: Path, error: OSError) -> CannotStartError:
    """The sentence for an error met while writing into a data directory."""
    match error.errno:
        case errno.EROFS:
            what = "is on a read-only file system"
            hint = "Under systemd ReadWritePaths= must name it; else look at the mount (findmnt -T)."
        case errno.EACCES | errno.EPERM:
            what = f"may not be written by the user {_user()}"
            hint = f"Give it to that user: chown -R {_user()} {directory}"
        case errno.ENOSPC | errno.EDQUOT:
            what = "is on a full file system"
            hint = "Free some space (df -h, df -i), then start again."
        case errno.ENOENT:
            what = "does not exist"
            hint = "homeport init makes it; if it should hold data already, is its disk mounted?"
        case errno.ENOTDIR:
            what = "is not a directory"
            hint = "Declare a directory as data directory."
        case _:
            what = "cannot be written"
            hint = "The kernel's log (dmesg) may say more."
    return CannotStartError(
        f"{directory} {what}: {_named(error)}.",
        hint,
        data_directory=str(directory),
        errno=errno.errorcode.get(error.errno or 0, "unknown"),
    )


def find_foreign(directory: Path) -> list[str]:
    """The names in a data directory that has no identity, sorted; what a start leaves behind is not counted.

    Raises:
        OSError: the directory cannot be listed.
    """
    return sorted(
        name
        for name in os.listdir(directory)  # noqa: PTH208 - names are what is wanted
        if name not in _NOT_DATA
        and not name.startswith(_PROBE_PREFIX)
        and not any(is_temporary(name, written) for written in _BEGUN)
    )


def check_owner(directory: Path, environment: str) -> Identity | None:
    """Makes sure, without writing, that a data directory is the environment's own or still empty.

    Returns:
        Its identity; None where it is empty.

    Raises:
        CannotStartError: it is another's, it is missing, or it holds something that nobody has claimed.
    """
    identity = read_identity(directory)
    if identity is not None:
        check_identity(identity, environment, str(directory))
        return identity
    try:
        found = find_foreign(directory)
    except OSError as error:
        raise unwritable(directory, error) from None
    if found:
        shown = ", ".join(found[:5]) + (f" and {len(found) - 5} more" if len(found) > 5 else "")
        raise CannotStartError(
            f"{directory} is not empty and has no {IDENTITY_FILE}, so nobody knows whose data it is: it holds {shown}.",
            f"Import it (homeport data import json-v1 {directory} {environment}) into an empty data directory.",
            data_directory=str(directory),
            found=found[:50],
        )
    return None


@contextmanager
def open_data_directory(
    directory: Path,
    environment: str,
    *,
    holder: LockHolder | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    new_id: Callable[[], str] = lambda: str(uuid.uuid4()),
    take: Callable[[Path, LockHolder | None], DataLock] = DataLock.take,
) -> Iterator[Identity]:
    """Opens a data directory for writing: checks that it may be, locks it, and stamps it where it is empty.

    The order matters: nothing is written into a directory before it is known not to be another's, and it
    is stamped only under the lock, so that of two servers that start at once one becomes its owner.

    Args:
        directory: absolute; must exist.
        environment: whose data it must be.
        holder: who the lock says holds it; this process by default.
        now: the clock, for the time of creation.
        new_id: makes the id of new data.
        take: the lock, alone by default.

    Raises:
        CannotStartError: it is another's, it cannot be written, or another process has it open.
    """
    with hold_data_directory(directory, environment, holder=holder, take=take) as found:
        identity = found or new_identity(environment, now=now, new_id=new_id)
        if found is None:
            try:
                begin(directory, identity)
            except OSError as error:
                raise unwritable(directory, error) from None
        yield identity


@contextmanager
def hold_data_directory(
    directory: Path,
    environment: str,
    *,
    holder: LockHolder | None = None,
    take: Callable[[Path, LockHolder | None], DataLock] = DataLock.take,
) -> Iterator[Identity | None]:
    """The same without a stamp: its identity, None where it is empty. For data that are somewhere else.

    Raises:
        CannotStartError: as for :func:`open_data_directory`.
    """
    check_owner(directory, environment)
    prove_writable(directory)
    try:
        lock = take(directory, holder)
    except OSError as error:
        raise unwritable(directory, error) from None
    with lock:
        yield check_owner(directory, environment)


def _named(error: OSError) -> str:
    return f"{error.strerror or error} ({errno.errorcode.get(error.errno or 0, 'unknown')})"


def _user() -> str:
    with suppress(KeyError):
        return pwd.getpwuid(os.geteuid()).pw_name
    return f"with the id {os.geteuid()}"
