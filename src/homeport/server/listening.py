"""The listening socket."""

from __future__ import annotations

import errno
import resource
import socket
from contextlib import suppress

from homeport.errors import CannotStartError

BACKLOG = 2048
DESCRIPTORS = 65_536


def bound_socket(listen: str, port: int) -> socket.socket:
    """A socket that holds the port and does not listen yet: nobody connects before the store is open.

    Raises:
        CannotStartError: another process took the port since it was checked, or it cannot be had at all.
    """
    family = socket.AF_INET6 if ":" in listen else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((listen, port))
    except OSError as error:
        found.close()
        if error.errno == errno.EADDRINUSE:
            raise CannotStartError(
                f"Port {port} of {listen} is held by another process.",
                "homeport doctor names it; stop it, or give this environment another port.",
                port=port,
            ) from None
        raise CannotStartError(f"Port {port} of {listen} cannot be had: {error.strerror}.", port=port) from None
    found.set_inheritable(False)
    return found


def allow_connections() -> None:
    """As many open connections as this process may have: the usual soft limit is 1,024 descriptors."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, DESCRIPTORS)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
