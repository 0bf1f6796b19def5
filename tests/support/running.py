"""``homeport serve`` as a person runs it: a declaration, a process, and an address."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx2

from tests.support.ports import free_ports
from tests.support.waiting import until

PROGRAM: Final = (sys.executable, "-P", "-m", "homeport")


@dataclass(frozen=True)
class Workspace:
    """A declaration of one environment with ports of its own, and its directories."""

    file: Path
    environment: str
    port: int
    sse_port: int

    @property
    def url(self) -> str:
        """Of the HTTP port, without a slash at its end."""
        return f"http://127.0.0.1:{self.port}"

    def call(self, name: str, /, **arguments: Any) -> Any:
        """Calls a tool as old clients do; the answer of one that is not refused."""
        given = {"from" if key == "from_" else key: value for key, value in arguments.items()}
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "arguments": given}}
        answer = httpx2.post(f"{self.url}/mcp", json=body, timeout=60).json()
        assert "result" in answer, answer
        return answer["result"]["data"]

    def token(self, name: str, *more: str) -> str:
        """A new token, made as a person makes one."""
        command = [*PROGRAM, "--config", str(self.file), "token", "create", self.environment, "--name", name, *more]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.strip()

    def answers(self) -> bool:
        """Whether a server is there and well."""
        try:
            return httpx2.get(f"{self.url}/health", timeout=30).status_code == 200
        except httpx2.TransportError:
            return False


def workspace(directory: Path, environment: str = "development", more: str = "") -> Workspace:
    """Declares an environment; ``more`` are further lines of its table."""
    port, sse_port = free_ports(2)
    (directory / environment / "data").mkdir(parents=True)
    file = directory / "homeport.toml"
    file.write_text(f"[environments.{environment}]\nhttp_port = {port}\nsse_port = {sse_port}\n{more}")
    return Workspace(file, environment, port, sse_port)


@contextmanager
def running(place: Workspace) -> Iterator[Workspace]:
    """A server that answers; ended as systemd would."""
    log = place.file.with_name("server.log")
    command = [*PROGRAM, "--config", str(place.file), "serve", place.environment]
    with log.open("ab") as output, subprocess.Popen(command, stderr=output) as process:
        try:

            def ready() -> bool:
                assert process.poll() is None, log.read_text()
                return place.answers()

            until(ready, within=40)
            yield place
            process.send_signal(signal.SIGTERM)
            process.wait(40)
        finally:
            process.kill()
