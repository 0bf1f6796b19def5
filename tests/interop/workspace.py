"""A server as its users start it: ``homeport init``, then ``homeport serve``, on ports that nobody has."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.error import URLError
from urllib.request import urlopen

import anyio.to_thread

from homeport.cli import main
from homeport.contract import ExitCode
from tests.support.ports import free_ports
from tests.support.waiting import until

PROGRAM: Final = (sys.executable, "-P", "-m", "homeport")


class Homeport:
    """The environment ``development`` of a workspace, and the process that serves it.

    Args:
        directory: an empty one.
    """

    def __init__(self, directory: Path) -> None:
        self.declaration = directory / "homeport.toml"
        self.log = directory / "server.log"
        self.port, self.sse_port = free_ports(2)
        ports = ("--port", f"development={self.port}:{self.sse_port}")
        assert main(["init", str(directory), *ports]) == ExitCode.DONE
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def mcp(self) -> str:
        """Where MCP's clients connect."""
        return f"http://127.0.0.1:{self.port}/mcp"

    @property
    def sse(self) -> str:
        """Where clients of the deprecated transport connect."""
        return f"http://127.0.0.1:{self.sse_port}/sse"

    def start(self) -> None:
        """Returns when the server answers."""
        command = [*PROGRAM, "serve", "development", "--config", str(self.declaration)]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, stderr=log)
        until(self._answers, within=30)

    def stop(self) -> int:
        """As systemd stops it; its exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(40)

    async def restart(self) -> None:
        """As a deploy does. The test's own loop goes on: connections of its clients must be able to close."""
        assert await anyio.to_thread.run_sync(self.stop) == ExitCode.DONE
        await anyio.to_thread.run_sync(self.start)

    def kill(self) -> None:
        """Whatever became of it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(30)

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log.read_text()
        try:
            with urlopen(f"http://127.0.0.1:{self.port}/health", timeout=10) as answer:
                return bool(answer.status == 200)
        except URLError:
            return False


@contextmanager
def serving(directory: Path) -> Iterator[Homeport]:
    """A server that answers; it is killed should the test leave it."""
    homeport = Homeport(directory)
    try:
        homeport.start()
        yield homeport
    finally:
        homeport.kill()
