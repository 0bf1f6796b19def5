"""homeport up and homeport serve, as a person starts them: real servers, real ports, real signals."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import pytest

from homeport.contract import ENVIRONMENT_HEADER, IDENTITY_FILE, ExitCode
from homeport.host.ports import is_listening
from homeport.identity import new_identity, write_identity
from tests.support.waiting import until

PROGRAM = [sys.executable, "-P", "-m", "homeport"]
pytestmark = pytest.mark.slow


class Workspace(NamedTuple):
    """A place for a declaration, with ports that nobody has."""

    directory: Path
    ports: tuple[int, int, int, int]

    @property
    def file(self) -> Path:
        return self.directory / "homeport.toml"

    def arguments(self, *more: str) -> list[str]:
        production, production_sse, development, development_sse = self.ports
        return [
            *("--config", str(self.file)),
            *("--port", f"production={production}:{production_sse}"),
            *("--port", f"development={development}:{development_sse}"),
            *more,
        ]

    def health(self, port: int) -> Any:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=10) as answer:
            return json.load(answer), answer.headers[ENVIRONMENT_HEADER]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    with ExitStack() as held:
        servers = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(4)]
        a, b, c, d = (server.getsockname()[1] for server in servers)
    return Workspace(tmp_path, (a, b, c, d))


class Up:
    """A running ``homeport up --json``."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.events: list[dict[str, Any]] = []

    def wait_for(self, event: str, **fields: object) -> dict[str, Any]:
        """Reads on until this event has come."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            found = json.loads(line)
            self.events.append(found)
            if found["event"] == event and all(found[key] == value for key, value in fields.items()):
                return dict(found)
        pytest.fail(f"no {event} in {self.events}")

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def finish(self) -> int:
        """Reads to its end and answers the exit code."""
        assert self.process.stdout is not None
        self.events += [json.loads(line) for line in self.process.stdout]
        return self.process.wait(30)


@contextmanager
def running(workspace: Workspace, *arguments: str) -> Iterator[Up]:
    with subprocess.Popen(
        [*PROGRAM, "up", "--json", *workspace.arguments(*arguments)], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield Up(process)
        finally:
            process.kill()


def serve(workspace: Workspace, environment: str) -> subprocess.CompletedProcess[str]:
    command = [*PROGRAM, "serve", environment, *workspace.arguments()]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


def is_gone(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def test_from_nothing_both_environments_answer_and_ctrl_c_ends_them_cleanly(workspace: Workspace) -> None:
    with running(workspace) as up:
        settled = up.wait_for("settled")
        assert [(one["environment"], one["healthy"]) for one in settled["environments"]] == [
            ("production", True),
            ("development", True),
        ]
        for name, port in (("production", workspace.ports[0]), ("development", workspace.ports[2])):
            health, header = workspace.health(port)
            assert (health["status"], health["environment"], header) == ("healthy", name, name)
            assert health["data_directory"] == str(workspace.directory / name / "data")
        children = up.children()
        assert len(children) == 2
        up.process.send_signal(signal.SIGINT)
        assert up.finish() == ExitCode.DONE
    assert all(is_gone(child) for child in children)
    assert not any(is_listening("127.0.0.1", port) for port in workspace.ports)
    assert "[environments.local]" in workspace.file.read_text()


def test_a_person_gets_prefixed_lines_and_a_table(workspace: Workspace) -> None:
    command = [*PROGRAM, "up", *workspace.arguments()]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        shown = ""
        for line in process.stdout:
            shown += line
            if "/health" in line and "development" not in line and str(workspace.ports[2]) in line:
                break
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=30)
    assert f"http://127.0.0.1:{workspace.ports[0]}/mcp" in shown
    assert str(workspace.directory / "production" / "data") in shown
    url = f"http://127.0.0.1:{workspace.ports[2]}/mcp"
    assert f"claude mcp add --transport http homeport-development {url}" in shown
    assert process.returncode == ExitCode.DONE
    assert f"homeport    | wrote {workspace.file}" in told
    assert "homeport    | development has stopped" in told


def test_a_server_that_is_killed_is_named_and_the_other_goes_on(workspace: Workspace) -> None:
    with running(workspace) as up:
        up.wait_for("settled")
        victim = next(child for child in up.children() if "development" in child.cmdline())
        victim.kill()
        ended = up.wait_for("ended", environment="development")
        assert (ended["exit_code"], ended["asked"]) == (-signal.SIGKILL, False)
        assert workspace.health(workspace.ports[0])[0]["status"] == "healthy"
        up.process.send_signal(signal.SIGTERM)
        assert up.finish() == ExitCode.FAILED
        assert up.events[-1]["environment"] == "production"
        assert up.events[-1]["exit_code"] == 0


def test_servers_do_not_outlive_an_up_that_is_killed(workspace: Workspace) -> None:
    with running(workspace, "production") as up:
        up.wait_for("settled")
        children = up.children()
        up.process.kill()
        until(lambda: all(is_gone(child) for child in children))


def test_a_port_in_use_is_refused_before_anything_starts(workspace: Workspace) -> None:
    with socket.create_server(("127.0.0.1", workspace.ports[2])):
        done = subprocess.run(
            [*PROGRAM, "up", *workspace.arguments()], capture_output=True, text=True, timeout=30, check=False
        )
    assert done.returncode == ExitCode.CANNOT_START
    assert f"Port {workspace.ports[2]} (http_port) is held by process {os.getpid()} (" in done.stderr
    assert not workspace.file.exists()


def test_a_second_server_on_the_same_data_is_refused_with_78_and_told_by_whom(workspace: Workspace) -> None:
    with running(workspace, "production") as up:
        up.wait_for("settled")
        (child,) = up.children()
        other_ports = f"production={workspace.ports[2]}:{workspace.ports[3]}"
        command = [*PROGRAM, "serve", "production", "--config", str(workspace.file), "--port", other_ports]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == ExitCode.CANNOT_START
    assert f"is in use by process {child.pid} (" in done.stderr


def test_productions_data_are_not_served_as_development(workspace: Workspace) -> None:
    assert (
        subprocess.run([*PROGRAM, "init", str(workspace.directory)], check=False, capture_output=True).returncode == 0
    )
    write_identity(workspace.directory / "development" / "data", new_identity("production"))
    done = serve(workspace, "development")
    assert done.returncode == ExitCode.CANNOT_START
    assert f"{workspace.directory}/development/data holds data of production, not of development." in done.stderr


def test_a_missing_data_directory_is_not_made_by_a_server(workspace: Workspace) -> None:
    workspace.file.write_text("[environments.production]\n[environments.development]\n")
    done = serve(workspace, "development")
    assert done.returncode == ExitCode.CANNOT_START
    assert "does not exist" in done.stderr
    assert "homeport init" in done.stderr
    assert not (workspace.directory / "development").exists()


def test_a_data_seed_fills_a_new_environment_once(workspace: Workspace) -> None:
    seed = workspace.directory / "seed"
    seed.mkdir()
    instance = {"id": "Kai-01", "role": "Developer", "status": "active", "metadata": {}}
    times = {"created": "2025-10-01T00:00:00Z", "last_seen": "2025-10-01T00:00:00Z"}
    (seed / "instances.json").write_text(json.dumps({"schema_version": "3.0", "instances": [{**instance, **times}]}))
    with running(workspace, "--data-seed", str(seed)) as up:
        up.wait_for("settled")
        assert [event["environment"] for event in up.events if event["event"] == "seeded"] == ["development"]
        up.process.send_signal(signal.SIGINT)
        assert up.finish() == ExitCode.DONE
    again = subprocess.run(
        [*PROGRAM, "up", "--data-seed", str(seed), *workspace.arguments()],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert again.returncode == ExitCode.REFUSED
    assert "development was started or filled before" in again.stderr
    assert (workspace.directory / "development" / "data" / IDENTITY_FILE).exists()
