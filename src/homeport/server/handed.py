"""Listening sockets that a service manager hands over: ``LISTEN_PID``, ``LISTEN_FDS`` and ``LISTEN_FDNAMES``.

The manager keeps them, so that no connection is refused while one server ends and the next begins. A server that
was handed sockets binds none of its own, and refuses to start on others than the declared ones.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping, MutableMapping, Sequence
from ipaddress import ip_address
from typing import Final

from homeport.errors import CannotStartError

FIRST: Final = 3
"""The number of the first descriptor; the others follow it."""
VARIABLES: Final = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")

_HINT: Final = "The socket units must be those of the declaration; homeport provision writes them."


def count_handed(environ: Mapping[str, str], pid: int) -> int:
    """How many sockets were handed to the process ``pid``.

    Raises:
        CannotStartError: the variables are not numbers.
    """
    if environ.get("LISTEN_PID", "") != str(pid):
        return 0  # They were meant for another process, whose child this one is.
    text = environ.get("LISTEN_FDS", "")
    if not (text.isascii() and text.isdigit()) or len(text) > 4:
        raise CannotStartError(f"LISTEN_FDS is {text!r}, which is no number of sockets.", _HINT)
    return int(text)


def take_handed(environ: MutableMapping[str, str], pid: int, first: int = FIRST) -> list[tuple[str, socket.socket]]:
    """The sockets that were handed to this process, each with its name; empty where there are none.

    The variables are gone afterwards, and the descriptors are not passed on to children.

    Raises:
        CannotStartError: a descriptor is not there, or is no socket.
    """
    count = count_handed(environ, pid)
    given = environ.get("LISTEN_FDNAMES", "").split(":")
    for variable in VARIABLES:
        environ.pop(variable, None)
    names = given if len(given) == count else ["unknown"] * count
    return [(name, _opened(descriptor, name)) for descriptor, name in enumerate(names, first)]


def by_port(
    handed: Sequence[tuple[str, socket.socket]], listen: str, declared: Mapping[str, int]
) -> list[socket.socket]:
    """The handed sockets in the order of the declared ports.

    Args:
        handed: name and socket of each.
        listen: the declared address.
        declared: ports by the name that their sockets should have. A socket of another name is known by its port.

    Raises:
        CannotStartError: one is missing, of a wrong kind, bound elsewhere, or one too many.
    """
    left = dict(declared)
    found: dict[str, socket.socket] = {}
    for name, one in handed:
        address, port = _address(name, one)
        role = name if name in declared else next((role for role in left if left[role] == port), None)
        if role is None:
            raise CannotStartError(
                f"The service manager handed over a socket ({name}) that is bound to {_shown(address, port)};"
                f" declared are {_all_shown(listen, declared)}.",
                _HINT,
            )
        if role not in left:
            raise CannotStartError(f"The service manager handed over two sockets for {role}.", _HINT)
        if port != declared[role] or ip_address(address) != ip_address(listen):
            raise CannotStartError(
                f"The service manager's socket {name} is bound to {_shown(address, port)};"
                f" declared is {_shown(listen, declared[role])} ({role}).",
                _HINT,
            )
        found[role] = one
        del left[role]
    if left:
        raise CannotStartError(
            f"The service manager handed over {', '.join(found)} and no socket for {_all_shown(listen, left)}.", _HINT
        )
    return [found[role] for role in declared]


def _opened(descriptor: int, name: str) -> socket.socket:
    try:
        one = socket.socket(fileno=descriptor)
        one.set_inheritable(False)
    except OSError as error:
        raise CannotStartError(
            f"The service manager's descriptor {descriptor} ({name}) is no socket: {error.strerror}.", _HINT
        ) from None
    return one


def _address(name: str, one: socket.socket) -> tuple[str, int]:
    """Where a listening TCP socket is bound."""
    if one.family not in (socket.AF_INET, socket.AF_INET6) or one.type != socket.SOCK_STREAM:
        kind = f"{socket.AddressFamily(one.family).name}, {socket.SocketKind(one.type).name}"
        raise CannotStartError(f"The service manager's socket {name} is no TCP socket ({kind}).", _HINT)
    address = one.getsockname()
    if not one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        raise CannotStartError(
            f"The service manager's socket {name} ({_shown(address[0], address[1])}) does not listen.",
            "Accept=no and ListenStream= is what the socket unit needs.",
        )
    return str(address[0]), int(address[1])


def _shown(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _all_shown(listen: str, ports: Mapping[str, int]) -> str:
    return ", ".join(f"{_shown(listen, port)} ({role})" for role, port in ports.items())
