"""Whether the ports of an environment are free, and who holds those that are not.

A process is found by the socket it holds, never by its command line (origin.md: ``pgrep -f`` on an environment
variable matches nothing, and the old process goes on answering).
"""

from __future__ import annotations

import errno
import shlex
import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from homeport.errors import CannotStartError, UsageError


@dataclass(frozen=True, slots=True)
class PortHolder:
    """A process that listens on a port, as far as this user may see it."""

    pid: int | None
    command: str | None
    working_directory: str | None
    unit: str | None
    """The systemd service it runs in; None where it was started by hand."""

    def __str__(self) -> str:
        if self.pid is None:
            return "a process of another user"
        parts = [f"process {self.pid}"]
        if self.command:
            parts.append(f"({self.command})")
        if self.working_directory:
            parts.append(f"in {self.working_directory}")
        parts.append(f"of the unit {self.unit}" if self.unit else "of no systemd unit")
        return " ".join(parts)


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


def port_error(listen: str, port: int, setting: str, error: OSError) -> CannotStartError | UsageError:
    """The sentence for an error met while binding a port."""
    if error.errno == errno.EADDRINUSE:
        holder = find_port_holder(port)
        return CannotStartError(
            f"Port {port} ({setting}) is held by {holder}.",
            "Stop that process, or give this environment another port (--port ENV=HTTP:SSE, or in homeport.toml).",
            port=port,
            holder=asdict(holder),
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return UsageError(f"This machine has no address {listen} to listen on.", "Usually it is 127.0.0.1.")
    return UsageError(f"Port {port} ({setting}) of {listen} cannot be listened on: {error.strerror}.")


def find_port_holder(port: int) -> PortHolder:
    """Who listens on a TCP port, on whatever address. Its fields are None where this user may not see them."""
    for connection in psutil.net_connections("tcp"):
        held = connection.laddr and connection.laddr.port == port and connection.status == psutil.CONN_LISTEN
        if held and connection.pid:
            return _describe(connection.pid)
    return PortHolder(None, None, None, None)


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


def _try(listen: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in listen else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As the server does: without it a port would look taken for a minute after its last connection.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((listen, port))


def _describe(pid: int) -> PortHolder:
    process = psutil.Process(pid)
    command = directory = unit = None
    try:
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
