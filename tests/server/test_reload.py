"""``homeport start development --reload``: Homeport's own source is edited under a server that goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support.checkouts import own_checkout
from tests.support.ports import free_ports
from tests.support.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
PATIENCE = 60.0


class Desk:
    """A developer's checkout, and the environment that runs from it."""

    def __init__(self, directory: Path) -> None:
        self.checkout = own_checkout(directory / "checkout")
        self.port, sse = free_ports(2)
        self.file = directory / "homeport.toml"
        self.file.write_text(
            f"[environments.development]\nhttp_port = {self.port}\nsse_port = {sse}\n"
            "checkout = 'checkout'\nservice = 'processes'\n"
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    program = (sys.executable, "-P", "-m", "homeport")

    def run(self, *words: str, code: int = 0) -> Any:
        """A command's answer, or its error."""
        command = [*self.program, *words, "--config", str(self.file), "--json"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stdout + done.stderr
        return json.loads(done.stdout if code == 0 else done.stderr.strip().splitlines()[-1])

    @property
    def health(self) -> dict[str, Any]:
        return dict(httpx2.get(f"{self.url}/health", timeout=30).json())

    @property
    def status(self) -> dict[str, Any]:
        return dict(self.run("status", "development")["environments"][0])

    def edit(self, name: str, before: str, after: str) -> None:
        file = self.checkout / "src" / "homeport" / name
        text = file.read_text()
        assert before in text
        file.write_text(text.replace(before, after))

    def version(self, text: str) -> None:
        """Has the source be of another version."""
        file = self.checkout / "src" / "homeport" / "__init__.py"
        line = next(line for line in file.read_text().splitlines() if line.startswith("__version__"))
        self.edit("__init__.py", line, f'__version__: Final = "{text}"')

    def log(self) -> str:
        return (self.file.parent / "development" / "logs" / "server.log").read_text()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    one = Desk(tmp_path)
    yield one
    one.run("stop", "development")


def session(desk: Desk) -> str:
    """The id of a new session of the streamable HTTP protocol."""
    body = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": {"name": "test", "version": "1"},
        },
    }
    accept = {"Accept": "application/json, text/event-stream"}
    return str(httpx2.post(f"{desk.url}/mcp", json=body, headers=accept, timeout=30).headers["mcp-session-id"])


def lists_tools(desk: Desk, session_id: str) -> bool:
    """Whether the session is still one."""
    headers = {
        "Accept": "application/json, text/event-stream",
        "Mcp-Session-Id": session_id,
        "MCP-Protocol-Version": "2025-06-18",
    }
    body = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}
    answer = httpx2.post(f"{desk.url}/mcp", json=body, headers=headers, timeout=30)
    return bool(answer.status_code == 200 and "tools" in answer.text)


@contextmanager
def asking(desk: Desk) -> Iterator[list[str]]:
    """Somebody who asks all the time, each time on a connection of its own; what failed is in the list."""
    failed: list[str] = []
    over = threading.Event()

    def ask() -> None:
        while not over.is_set():
            try:
                status = httpx2.get(f"{desk.url}/health", timeout=60).status_code
            except httpx2.TransportError as error:
                failed.append(repr(error))
            else:
                failed.extend([] if status == 200 else [str(status)])

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield failed
    finally:
        over.set()
        thread.join()


def test_every_change_is_served_and_one_that_does_not_start_is_not(desk: Desk) -> None:
    started = desk.run("start", "development", "--reload", "--wait", "60")
    assert started["server"]["reloads"]
    again = desk.run("start", "development", "--reload")
    assert not again["changed"]
    one = session(desk)
    with asking(desk) as failed:
        desk.version("9.1")
        until(lambda: desk.health["version"] == "9.1", within=PATIENCE)
        assert lists_tools(desk, one)

        desk.edit("server/serving.py", "def serve(", "def serve(:")
        until(lambda: "does not start" in desk.log(), within=PATIENCE)
        status = desk.status
        assert "SyntaxError" in json.dumps(status)
        assert "The one before goes on." in json.dumps(status)
        assert (desk.health["version"], lists_tools(desk, one)) == ("9.1", True)

        # What is no source is nobody's business.
        uptime = desk.health["uptime_seconds"]
        (desk.checkout / ".venv" / "noise.py").write_text("x")
        (desk.checkout / "settings.local").write_text("x")
        desk.edit("server/serving.py", "def serve(:", "def serve(")
        desk.version("9.2")
        until(lambda: desk.health["version"] == "9.2", within=PATIENCE)
        assert desk.health["uptime_seconds"] < uptime + PATIENCE
        assert "does not start" not in json.dumps(desk.status)
        assert lists_tools(desk, one)
    assert failed == []
    assert "noise" not in desk.log()
    assert "settings.local" not in desk.log()


def test_a_server_that_died_comes_back_with_the_next_change_and_a_restart_goes_on_watching(desk: Desk) -> None:
    started = desk.run("start", "development", "--reload", "--wait", "60")
    watcher, server = started["server"]["pids"][:2]
    os.kill(server, signal.SIGKILL)
    until(lambda: "ended by signal 9" in json.dumps(desk.status), within=PATIENCE)
    with pytest.raises(httpx2.ConnectError):
        desk.health  # noqa: B018 - it is asked
    desk.version("9.1")
    until(lambda: "the server is exchanged" in desk.log(), within=PATIENCE)
    assert desk.health["version"] == "9.1"
    restarted = desk.run("restart", "development", "--wait", "60")
    assert restarted["server"]["reloads"]
    assert restarted["server"]["pids"][0] != watcher
    desk.version("9.2")
    until(lambda: desk.health["version"] == "9.2", within=PATIENCE)


MIGRATION = """
from typing import Final

import sqlalchemy as sa

revision: Final = "{new}"
down_revision: Final = "{old}"

PREVIOUS_RELEASE_CAN_RUN: Final = False


def upgrade() -> None:
    pass


def verify(connection: sa.Connection) -> list[str]:
    return []
"""


def test_a_change_of_the_schema_is_told_and_taken_by_a_restart(desk: Desk) -> None:
    desk.run("start", "development", "--reload", "--wait", "60")
    old = str(desk.health["schema_version"])
    new = f"{int(old) + 1:04d}"
    versions = desk.checkout / "src" / "homeport" / "storage" / "migrations" / "versions"
    (versions / f"r{new}_tried.py").write_text(MIGRATION.format(new=new, old=old))
    until(lambda: "does not start" in desk.log(), within=PATIENCE)
    told = json.dumps(desk.status)
    assert "homeport restart development starts it alone." in told
    assert "The one before goes on." in told
    assert desk.health["schema_version"] == old
    assert desk.run("restart", "development", "--wait", "60")["server"]["reloads"]
    assert desk.health["schema_version"] == new
    desk.version("9.1")
    until(lambda: desk.health["version"] == "9.1", within=PATIENCE)
