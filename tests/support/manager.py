"""A service manager as systemd is one: it holds the listening sockets, hands them over, and is told."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx2

from tests.support.ports import free_ports
from tests.support.waiting import until

HAND_OVER: Final = """
import fcntl, os, sys
given = [int(one) for one in sys.argv[1].split(",") if one]
aside = [fcntl.fcntl(one, fcntl.F_DUPFD, 100) for one in given]
for place, one in enumerate(aside, 3):
    os.dup2(one, place)
    os.close(one)
if given:
    os.environ["LISTEN_PID"] = str(os.getpid())
    os.environ["LISTEN_FDS"] = str(len(given))
os.execv(sys.argv[2], sys.argv[2:])
"""
"""What systemd does between fork and exec: the sockets from descriptor 3 on, and the pid that they are meant for."""

SERVE: Final = (sys.executable, "-P", "-m", "homeport", "serve")


@dataclass
class Service:
    """A server that was started by the manager."""

    process: subprocess.Popen[bytes]
    log: Path
    notices: socket.socket
    told: list[str] = field(default_factory=list)
    """The lines that it has sent, in order."""

    def listen(self) -> list[str]:
        """All that it has told so far."""
        while True:
            try:
                data, _, _, _ = self.notices.recvmsg(4096, 0, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return self.told
            self.told += data.decode().split("\n")

    def is_ready(self) -> bool:
        """Whether it has said so."""
        assert self.process.poll() is None, self.log.read_text()[-2000:]
        return "READY=1" in self.listen()

    def stop(self) -> int:
        """As systemd stops it; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(40)


@dataclass
class ServiceManager:
    """Holds the sockets of one environment.

    Attributes:
        directory: for sockets of its own and for logs.
        file: the declaration.
        environment: what is started.
        sockets: by the name under which they are handed over.
    """

    directory: Path
    file: Path
    environment: str
    sockets: dict[str, socket.socket]

    @property
    def url(self) -> str:
        """Of the HTTP port."""
        return f"http://127.0.0.1:{self.sockets['http'].getsockname()[1]}"

    @property
    def data(self) -> Path:
        """The declared data directory."""
        return self.file.parent / self.environment / "data"

    def get(self, path: str) -> httpx2.Response:
        """On a connection of its own; it waits in the queue where no server accepts."""
        return httpx2.get(f"{self.url}{path}", timeout=30)

    @contextmanager
    def started(
        self, *arguments: str, slot: str = "blue", hand: Sequence[str] | None = None, more: dict[str, str] | None = None
    ) -> Iterator[Service]:
        """A server that was started, and need not be ready.

        Args:
            arguments: of ``homeport serve``, after the environment.
            slot: names its log and its notification socket.
            hand: which sockets are handed over; all by default.
            more: environment variables.
        """
        names = list(self.sockets) if hand is None else list(hand)
        descriptors = [self.sockets[name].fileno() for name in names]
        log = self.directory / f"{slot}.log"
        with ExitStack() as stack:
            notices, address = _notices(self.directory / f"{slot}.notify", stack)
            variables = {**os.environ, "LISTEN_FDNAMES": ":".join(names), "NOTIFY_SOCKET": address, **(more or {})}
            command = [*SERVE, self.environment, "--config", str(self.file), *arguments]
            given = ",".join(map(str, descriptors))
            process = stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", HAND_OVER, given, *command],
                    stderr=stack.enter_context(log.open("ab")),
                    pass_fds=descriptors,
                    env=variables,
                )
            )
            try:
                yield Service(process, log, notices)
            finally:
                process.kill()

    @contextmanager
    def running(self, *arguments: str, **settings: Any) -> Iterator[Service]:
        """A server that has said that it is ready."""
        with self.started(*arguments, **settings) as service:
            until(service.is_ready, within=40)
            yield service


def _notices(path: Path, stack: ExitStack) -> tuple[socket.socket, str]:
    """A socket for what servers tell, and its address."""
    path.unlink(missing_ok=True)
    notices = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
    notices.bind(str(path))
    return notices, str(path)


@contextmanager
def service_manager(directory: Path, environment: str = "development", more: str = "") -> Iterator[ServiceManager]:
    """A manager with the two sockets of an environment; ``more`` are further lines of its table."""
    http, sse = free_ports(2)
    (directory / environment / "data").mkdir(parents=True)
    file = directory / "homeport.toml"
    file.write_text(f"[environments.{environment}]\nhttp_port = {http}\nsse_port = {sse}\n{more}")
    with ExitStack() as stack:
        sockets = {
            name: stack.enter_context(socket.create_server(("127.0.0.1", port), backlog=2048))
            for name, port in (("http", http), ("sse", sse))
        }
        yield ServiceManager(directory, file, environment, sockets)


def over(path: Path) -> httpx2.Client:
    """A client of a unix socket."""
    return httpx2.Client(transport=httpx2.HTTPTransport(uds=str(path)), base_url="http://localhost", timeout=30)
