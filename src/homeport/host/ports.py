"""Whether the ports of an environment are free, and who holds those that are not.

A process is found by the socket it holds, never by its command line (docs/incident.md: ``pgrep -f`` on an environment
variable matches nothing, and the old process goes on answering).
"""

from __future__ import annotations

import errno
import shlex
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import psutil

from homeport.environments.environment import Environment
from homeport.environments.services.state import Listening, PortHolder
from homeport.errors import CannotStartError, UsageError

__all__ = [
    "PortHolder",
    "check_ports",
    "describe_process",
    "find_listening",
    "find_port_holder",
    "is_listening",
    "listening_sockets",
    "port_error",
    "unit_of",
]

_BACKLOG: Final = 2048


def check_ports(listen: str, ports: Mapping[str, int]) -> None:
    """Makes sure that every port can be listened on.

    Args:
        listen: an IP address of this machine.
        ports: by the name of their setting.

    Raises:
        CannotStartError: another process holds one; its pid, command, working directory and unit are named.
        UsageError: the address is not one of this machine, or the port is privileged.
    """
    for setting, port in ports.items():
        try:
            _try(listen, port)
        except OSError as error:
            raise port_error(listen, port, setting, error) from None


def listening_sockets(environment: Environment) -> list[socket.socket]:
    """Sockets that listen on the declared ports, in the order of these: for whoever hands them to servers.

    Raises:
        CannotStartError: another process holds one.
        UsageError: the address is not one of this machine, or the port is privileged.
    """
    listen = environment.listen
    family = socket.AF_INET6 if ":" in listen else socket.AF_INET
    found: list[socket.socket] = []
    for setting, port in environment.ports.items():
        try:
            found.append(socket.create_server((listen, port), family=family, backlog=_BACKLOG))
        except OSError as error:
            for one in found:
                one.close()
            raise port_error(listen, port, setting, error) from None
    return found


def port_error(listen: str, port: int, setting: str, error: OSError) -> CannotStartError | UsageError:
    """The sentence for an error met while binding a port."""
    if error.errno == errno.EADDRINUSE:
        holder = find_port_holder(port)
        return CannotStartError(
            f"Port {port} ({setting}) is held by {holder}.",
            "Stop that process, or give this environment another port (--port ENV=HTTP:SSE, or in homeport.toml).",
            port=port,
            holder=holder.as_json(),
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return UsageError(f"This machine has no address {listen} to listen on.", "Usually it is 127.0.0.1.")
    return UsageError(f"Port {port} ({setting}) of {listen} cannot be listened on: {error.strerror}.")


def find_port_holder(port: int) -> PortHolder:
    """Who listens on a TCP port, on whatever address. Its fields are None where this user may not see them."""
    holders = find_listening({"port": port})[0].holders
    return holders[0] if holders else PortHolder(None, None, None, None)


def find_listening(ports: Mapping[str, int]) -> tuple[Listening, ...]:
    """Who listens on these TCP ports, on whatever address; of a socket that several have, the oldest of them.

    Args:
        ports: by the name of their setting.
    """
    pids: dict[int, set[int | None]] = {port: set() for port in ports.values()}
    for connection in psutil.net_connections("tcp"):
        if connection.laddr and connection.status == psutil.CONN_LISTEN and connection.laddr.port in pids:
            pids[connection.laddr.port].add(connection.pid)
    return tuple(
        Listening(setting, port, tuple(_holder(pid) for pid in sorted(pids[port], key=lambda pid: pid or 0)))
        for setting, port in ports.items()
    )


def unit_of(cgroup: str) -> str | None:
    """The systemd service that a ``/proc/PID/cgroup`` names, or None: a session's scope is no service."""
    for line in cgroup.splitlines():
        hierarchy, _, path = line.partition("::") if line.startswith("0::") else line.partition(":name=systemd:")
        if not hierarchy.isdigit():
            continue
        for part in reversed(path.split("/")):
            if part.endswith(".scope"):
                return None
            if part.endswith(".service"):
                return part
    return None


def _holder(pid: int | None) -> PortHolder:
    return PortHolder(None, None, None, None) if pid is None else describe_process(pid)


def _try(listen: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in listen else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As the server does: without it a port would look taken for a minute after its last connection.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((listen, port))


def describe_process(pid: int) -> PortHolder:
    """What this user may see of a process."""
    command = directory = unit = None
    try:
        process = psutil.Process(pid)
        # On one line, since it becomes part of an error of one line.
        command = " ".join((shlex.join(process.cmdline()) or process.name()).split())
        unit = unit_of(Path(f"/proc/{pid}/cgroup").read_text(encoding="utf-8"))
        directory = process.cwd()
    except (psutil.Error, OSError):
        pass  # Gone, or not for this user's eyes: what was read so far is what is told.
    return PortHolder(pid, command, directory, unit)


def is_listening(listen: str, port: int) -> bool:
    """Whether somebody accepts connections there."""
    try:
        with socket.create_connection((listen, port), timeout=1.0):
            return True
    except OSError:
        return False
