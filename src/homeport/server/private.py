"""The private socket: a unix socket for its own user alone, on which a server is tried before others depend on it."""

from __future__ import annotations

import fcntl
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from homeport.errors import CannotStartError
from homeport.server.listening import BACKLOG

MODE: Final = 0o600
LONGEST: Final = 103
"""Bytes of a path that every system takes as the address of a unix socket."""


@contextmanager
def private_socket(path: Path) -> Iterator[socket.socket]:
    """A socket that listens at ``path`` while the block runs.

    One that a killed server left there is replaced; one at which somebody listens is not.

    Args:
        path: absolute; its directory must exist.

    Raises:
        CannotStartError: somebody listens there, something else is there, or it cannot be made.
    """
    temporary = path.with_name(f".{os.getpid()}")
    longest = max(len(os.fsencode(path)), len(os.fsencode(temporary)))
    if longest > LONGEST:
        raise CannotStartError(f"{path} is too long for a unix socket: {longest} of {LONGEST} bytes.")
    found = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _alone_in(path.parent):
            _check_free(path)
            _listen(found, temporary)
            temporary.replace(path)
    except OSError as error:
        found.close()
        _remove(temporary)
        raise CannotStartError(
            f"The socket {path} cannot be made: {error.strerror}.",
            "Its directory must exist and belong to this user; RuntimeDirectory= of a unit makes one.",
        ) from None
    except BaseException:
        found.close()
        raise
    made = path.lstat()
    try:
        yield found
    finally:
        found.close()
        # Only our own: meanwhile it may have become a successor's.
        with suppress(OSError):
            if os.path.samestat(path.lstat(), made):
                path.unlink()


@contextmanager
def _alone_in(directory: Path) -> Iterator[None]:
    """Keeps a second server from taking the same path between the look and the socket."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _check_free(path: Path) -> None:
    """Refuses a path at which somebody listens, or that is no socket."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise CannotStartError(f"{path} is there and is no socket.", "Give the server another path.")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return
        except OSError as error:
            raise CannotStartError(f"{path} cannot be tried: {error.strerror or error}.") from None
    raise CannotStartError(f"Somebody listens at {path}.", "Stop that server, or give this one another path.")


def _listen(found: socket.socket, temporary: Path) -> None:
    """Listens under a name of its own, since nobody may connect before the mode is set."""
    _remove(temporary)
    found.bind(str(temporary))
    temporary.chmod(MODE)
    found.listen(BACKLOG)


def _remove(path: Path) -> None:
    with suppress(FileNotFoundError):
        path.unlink()
