"""One server as a process of its own: how it starts, what it refuses, how it ends."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from homeport.contract import ExitCode
from homeport.server.listening import bound_socket
from tests.support.ports import free_ports
from tests.support.process import PROGRAM
from tests.support.waiting import until


@dataclass
class Process:
    """A server process."""

    process: subprocess.Popen[str]
    port: int

    def get(self, path: str) -> httpx2.Response:
        return httpx2.get(f"http://127.0.0.1:{self.port}{path}")

    def call(self, name: str, **arguments: Any) -> Any:
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "arguments": arguments}}
        return httpx2.post(f"http://127.0.0.1:{self.port}/mcp", json=body).json()["result"]["data"]

    def healthy(self) -> bool:
        assert self.process.poll() is None, "the server has ended"
        try:
            return self.get("/health").status_code == 200
        except httpx2.TransportError:
            return False

    def end(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        """Exit code and what it wrote."""
        self.process.send_signal(number)
        _, written = self.process.communicate(timeout=20)
        return self.process.returncode, written


@contextmanager
def started(data: Path, port: int, environment: str = "development") -> Iterator[Process]:
    """A server that was started; it is killed should the test leave it."""
    settings = {
        "environment": environment,
        "data_directory": str(data),
        "listen": "127.0.0.1",
        "http_port": port,
        "sse_port": None,
        "version": "0.0.0",
        "auth": "open",
    }
    arguments = [sys.executable, "-c", PROGRAM, json.dumps(settings)]
    with subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield Process(process, port)
        finally:
            process.kill()


@pytest.fixture
def port() -> int:
    """A port that was free a moment ago."""
    return free_ports(1)[0]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_it_is_told_to_end_and_logs_json_alone(
    tmp_path: Path, port: int, number: signal.Signals
) -> None:
    with started(tmp_path, port) as server:
        until(server.healthy, within=30)
        health = server.get("/health").json()
        assert health["identity"] == json.loads((tmp_path / "identity.json").read_text())["id"]
        code, written = server.end(number)
    assert code == ExitCode.DONE
    events = [json.loads(line)["event"] for line in written.splitlines()]
    assert (events[0], events[-1]) == ("listening", "stopped")
    assert "request" in events


@pytest.mark.slow
def test_what_was_stored_is_there_after_a_restart(tmp_path: Path, port: int) -> None:
    with started(tmp_path, port) as server:
        until(server.healthy, within=30)
        server.call("register_instance", instanceId="ada", role="dev")
        assert server.end()[0] == 0
    with started(tmp_path, port) as server:
        until(server.healthy, within=30)
        assert server.call("get_instance", instanceId="ada")["instance"]["role"] == "dev"
        server.end()


@pytest.mark.slow
def test_a_port_that_was_taken_since_it_was_checked_is_refused_with_78(tmp_path: Path, port: int) -> None:
    with bound_socket("127.0.0.1", port) as taken:
        taken.listen()
        with started(tmp_path, port) as server:
            _, written = server.process.communicate(timeout=30)
            assert server.process.returncode == ExitCode.CANNOT_START
    assert len(written.splitlines()) == 1
    assert str(port) in written


@pytest.mark.slow
def test_data_of_another_environment_is_refused_with_78(tmp_path: Path, port: int) -> None:
    identity = {"application": "homeport", "environment": "production", "id": "x", "created": "2026-01-01T00:00:00Z"}
    (tmp_path / "identity.json").write_text(json.dumps(identity))
    with started(tmp_path, port) as server:
        _, written = server.process.communicate(timeout=30)
        assert server.process.returncode == ExitCode.CANNOT_START
    assert len(written.splitlines()) == 1
    assert "production" in written
