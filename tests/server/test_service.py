"""A server under a service manager: sockets that it is handed, what it tells, and the private socket."""

from __future__ import annotations

import json
import select
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest

from homeport.contract import BACKUPS_FILE, SNAPSHOT_FILE, BackupRecord, CameFrom, ExitCode
from homeport.datalock import find_holder
from tests.support.manager import SERVE, Service, ServiceManager, over, service_manager
from tests.support.process import call_body
from tests.support.waiting import until

pytestmark = pytest.mark.slow


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[ServiceManager]:
    """The sockets of the environment ``development``."""
    with service_manager(tmp_path) as one:
        yield one


def refused(service: Service) -> str:
    """What it says, where it cannot start."""
    assert service.process.wait(30) == ExitCode.CANNOT_START
    return service.log.read_text()


def call(client: httpx2.Client, name: str, **arguments: Any) -> Any:
    answer = client.post("/mcp", json=call_body(name, arguments)).json()
    assert "result" in answer, answer
    return answer["result"]["data"]


def test_it_serves_on_the_sockets_it_is_handed_and_tells_when_it_is_ready(manager: ServiceManager) -> None:
    with manager.running() as service:
        assert manager.get("/health").json()["status"] == "healthy"
        sse = manager.sockets["sse"].getsockname()[1]
        with httpx2.stream("GET", f"http://127.0.0.1:{sse}/sse", timeout=30) as stream:
            assert next(stream.iter_lines()) == "event: endpoint"
        told = service.told
        assert told.index("STATUS=Opening the data") < told.index("READY=1")
        assert any(line.startswith("STATUS=Serving development on 127.0.0.1:") for line in told)
        assert service.stop() == ExitCode.DONE
        assert "STOPPING=1" in service.listen()


def test_a_connection_made_before_it_starts_is_answered_when_it_does(manager: ServiceManager) -> None:
    with socket.create_connection(manager.sockets["http"].getsockname()) as early:
        early.sendall(b"GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        with manager.running():
            early.settimeout(30)
            assert early.recv(100).startswith(b"HTTP/1.1 200")


def test_what_comes_while_no_server_runs_waits_for_the_next(manager: ServiceManager) -> None:
    with manager.running() as first:
        assert first.stop() == ExitCode.DONE
    with socket.create_connection(manager.sockets["http"].getsockname()) as between:
        between.sendall(b"GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        with manager.running(slot="green"):
            between.settimeout(30)
            assert between.recv(100).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    ("hand", "sentence"),
    [(["http"], "no socket for 127.0.0.1:"), (["sse"], "no socket for 127.0.0.1:"), (["http", "http"], "two sockets")],
)
def test_sockets_that_are_not_the_declared_ones_cannot_start(
    manager: ServiceManager, hand: list[str], sentence: str
) -> None:
    with manager.started(hand=hand) as service:
        text = refused(service)
        assert any(line.startswith("STATUS=The service manager handed over") for line in service.listen())
    assert sentence in text


def test_another_declared_port_than_the_socket_has_cannot_start(manager: ServiceManager) -> None:
    with manager.started("--port", "development=1024:1025") as service:
        assert "declared is 127.0.0.1:1024 (http)" in refused(service)


def test_a_watchdog_hears_from_it_until_it_hangs(manager: ServiceManager) -> None:
    with manager.running(more={"WATCHDOG_USEC": "200000"}) as service:
        until(lambda: service.listen().count("WATCHDOG=1") > 3)
        service.process.send_signal(signal.SIGSTOP)
        until(lambda: psutil.Process(service.process.pid).status() == psutil.STATUS_STOPPED)
        count = service.listen().count("WATCHDOG=1")
        # Five signs would have come in this time.
        assert select.select([service.notices], [], [], 0.5) == ([], [], [])
        service.process.send_signal(signal.SIGCONT)
        until(lambda: service.listen().count("WATCHDOG=1") > count)


def test_a_server_that_cannot_start_says_why_in_its_status(manager: ServiceManager) -> None:
    with manager.running(), manager.started(slot="green") as second:
        assert "is in use by process" in refused(second)
        assert any("is in use by process" in line for line in second.listen())
        assert "READY=1" not in second.told


def test_the_private_socket_answers_beside_the_ports_and_is_gone_in_the_end(manager: ServiceManager) -> None:
    path = manager.directory / "blue.sock"
    with manager.running("--also-socket", str(path), "--release", "20261125-abc") as service, over(path) as client:
        health = client.get("/health").json()
        assert (health["status"], health["release"], health["rehearsal"]) == ("healthy", "20261125-abc", False)
        call(client, "register_instance", instanceId="ada", role="dev")
        assert call(client, "get_server_status")["release"] == "20261125-abc"
        with client.stream("GET", "/sse") as stream:
            assert next(stream.iter_lines()) == "event: endpoint"
        assert manager.get("/health").json()["release"] == "20261125-abc"
        assert service.stop() == ExitCode.DONE
    assert not path.exists()


def test_a_rehearsal_runs_on_a_copy_beside_the_server_and_leaves_the_ports_alone(manager: ServiceManager) -> None:
    copy = manager.directory / "drill"
    path = manager.directory / "drill.sock"
    with manager.running() as service:
        httpx2.post(f"{manager.url}/mcp", json=call_body("register_instance", {"instanceId": "ada", "role": "dev"}))
        service.stop()
    shutil.copytree(manager.data, copy)
    with (
        manager.running(),
        manager.running("--socket", str(path), "--data", str(copy), slot="drill", hand=[]),
        over(path) as client,
    ):
        health = client.get("/health").json()
        assert (health["rehearsal"], health["data_directory"]) == (True, str(copy))
        assert health["backups"]["state"] == "unknown"
        assert call(client, "get_server_status")["rehearsal"] is True
        call(client, "register_instance", instanceId="only-here", role="dev")
        holder = find_holder(manager.data)
        assert holder is not None
        answer = httpx2.post(f"{manager.url}/mcp", json=call_body("get_instance", {"instanceId": "only-here"})).json()
        assert "error" in answer


def test_a_rehearsal_calls_no_webhook(manager: ServiceManager) -> None:
    copy = manager.directory / "drill"
    path = manager.directory / "drill.sock"
    with manager.running() as service:
        service.stop()
    shutil.copytree(manager.data, copy)
    with (
        socket.create_server(("127.0.0.1", 0)) as receiver,
        manager.running("--socket", str(path), "--data", str(copy), slot="drill", hand=[]) as drill,
        over(path) as client,
    ):
        url = f"http://127.0.0.1:{receiver.getsockname()[1]}/"
        answer = client.post("/api/v1/webhooks", json={"url": url})
        assert answer.status_code < 300, answer.text
        call(client, "register_instance", instanceId="ada", role="dev")
        assert drill.stop() == ExitCode.DONE
        receiver.setblocking(False)
        with pytest.raises(BlockingIOError):
            receiver.accept()


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["--data", "drill"], ExitCode.USAGE, "--data needs --socket"),
        (["--data", "drill", "--also-socket", "a.sock"], ExitCode.USAGE, "--data needs --socket"),
        (["--socket", "a.sock", "--also-socket", "b.sock"], ExitCode.USAGE, "not allowed with"),
        (["--socket", "a.sock", "--data", "development/data"], ExitCode.USAGE, "is the declared data directory"),
        (["--socket", "a.sock", "--data", "empty"], ExitCode.CANNOT_START, "holds no data"),
        (["--socket", "a.sock", "--data", "missing"], ExitCode.CANNOT_START, "does not exist"),
        (["--socket", "a.sock", "--data", "other"], ExitCode.CANNOT_START, "holds data of production"),
        (["--socket", "missing/a.sock"], ExitCode.CANNOT_START, "cannot be made"),
    ],
)
def test_arguments_that_would_do_harm_are_refused(
    manager: ServiceManager, arguments: list[str], code: ExitCode, sentence: str
) -> None:
    (manager.directory / "empty").mkdir()
    other = manager.directory / "other"
    other.mkdir()
    identity = {"application": "homeport", "environment": "production", "id": "x", "created": "2026-01-01T00:00:00Z"}
    (other / "identity.json").write_text(json.dumps(identity))
    command = [*SERVE, "development", "--config", str(manager.file), *arguments]
    done = subprocess.run(command, cwd=manager.directory, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, sentence in done.stderr) == (code, True), done.stderr
    assert list((manager.directory / "empty").iterdir()) == []


def test_sockets_and_no_ports_contradict_each_other(manager: ServiceManager) -> None:
    with manager.started("--socket", str(manager.directory / "a.sock")) as service:
        assert "handed over sockets to a server that is to be on no port" in refused(service)


def test_health_shows_what_is_proved_of_backups_and_whence_the_data_came(manager: ServiceManager) -> None:
    journal = manager.file.parent / "development" / "journal"
    journal.mkdir()
    origin = CameFrom(environment="production", at="2026-11-25T06:00:00Z")
    with manager.running() as service:
        assert manager.get("/health").json()["backups"]["state"] == "never proven"
        record = BackupRecord(last_backup="2026-11-25T06:00:00+00:00", last_drill="2026-11-24T06:00:00Z", proven=True)
        (journal / BACKUPS_FILE).write_text(json.dumps(record))
        health = manager.get("/health").json()
        assert (health["last_backup"], health["last_drill"]) == (record["last_backup"], record["last_drill"])
        assert health["backups"]["state"] == "proven"
        ages = (health["backups"]["drill_age_seconds"], health["backups"]["backup_age_seconds"])
        assert ages[0] - ages[1] == pytest.approx(86_400, abs=0.2)
        (journal / BACKUPS_FILE).write_text("half a")
        health = manager.get("/health").json()
        assert (health["status"], health["backups"]["state"]) == ("healthy", "unknown")
        assert BACKUPS_FILE in health["backups"]["problem"]
        assert health["origin"] is None
        service.stop()
    mark = {"environment": "development", "origin": "production", "position_at": origin["at"]}
    (manager.data / SNAPSHOT_FILE).write_text(json.dumps(mark))
    with manager.running():
        assert manager.get("/health").json()["origin"] == origin
        body = call_body("get_server_status", {})
        assert httpx2.post(f"{manager.url}/mcp", json=body).json()["result"]["data"]["origin"] == origin
