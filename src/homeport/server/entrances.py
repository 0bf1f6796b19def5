"""Where a server is called: sockets of its own or a service manager's, a private one besides, or that alone."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from homeport.contract import HTTP_SOCKET, SSE_SOCKET, ServeSettings
from homeport.errors import CannotStartError
from homeport.server.handed import by_port
from homeport.server.listening import bound_socket
from homeport.server.private import private_socket


@dataclass(frozen=True, slots=True)
class Entrances:
    """The sockets of a server.

    Attributes:
        public: bound to the declared ports.
        private: unix sockets.
        where: all of them, for people.
    """

    public: list[socket.socket]
    private: list[socket.socket]
    where: list[str]


@contextmanager
def open_entrances(settings: ServeSettings, handed: Sequence[tuple[str, socket.socket]]) -> Iterator[Entrances]:
    """The sockets while the block runs.

    Args:
        settings: the ports, and the path of the private socket.
        handed: what the service manager handed over, by name; without any the ports are bound.

    Raises:
        CannotStartError: one cannot be had, or is not as declared.
    """
    with ExitStack() as stack:
        for _, one in handed:
            stack.enter_context(one)
        public: list[socket.socket] = []
        if settings.on_ports:
            ports = declared_ports(settings)
            public = by_port(handed, settings.listen, ports) if handed else _bound(settings.listen, ports, stack)
        elif handed:
            raise CannotStartError(
                "The service manager handed over sockets to a server that is to be on no port.",
                "Leave --socket out, or start it without a socket unit.",
            )
        path = settings.socket
        private = [] if path is None else [stack.enter_context(private_socket(Path(path)))]
        names = [f"{one.getsockname()[0]}:{one.getsockname()[1]}" for one in public]
        yield Entrances(public, private, [*names, *([] if path is None else [path])])


def declared_ports(settings: ServeSettings) -> dict[str, int]:
    """The HTTP port, and the SSE port where there is one, by the name of their sockets."""
    ports = {HTTP_SOCKET: settings.http_port}
    if settings.sse_port is not None:
        ports[SSE_SOCKET] = settings.sse_port
    return ports


def _bound(listen: str, ports: dict[str, int], stack: ExitStack) -> list[socket.socket]:
    return [stack.enter_context(bound_socket(listen, port)) for port in ports.values()]
