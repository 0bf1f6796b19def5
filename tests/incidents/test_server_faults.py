"""What the earlier server did wrong, fault by fault: what only a real process on a real disk can show.

The quoted sentences are the report's ("What it did wrong").
"""

from __future__ import annotations

import asyncio
import json
import resource
from pathlib import Path

import pytest

from tests.support.load import callers
from tests.support.process import refusal, server_process
from tests.support.waiting import until

pytestmark = pytest.mark.slow


def test_health_says_healthy_while_every_write_fails(tmp_path: Path) -> None:
    """A full disk is in tests/server/test_full_disk.py; this needs no right to mount one."""
    data = tmp_path / "data"
    data.mkdir()
    with server_process(data) as server:
        server.call("register_instance", instanceId="ada", role="dev")
        # The kernel refuses writes beyond this size, whoever makes them: a disk that fails, without one.
        _limit_files(server.process.pid, 1)
        refused = server.refused("send_message", to="ada", from_="x", subject="s", content="x" * 100_000)
        assert refused["data"]["code"] == "unavailable"
        assert str(data / "homeport.db") in refused["message"]
        until(lambda: not server.healthy())
        health = server.get("/health").json()
        assert health["status"] == "unhealthy"
        assert str(data / "homeport.db") in health["reasons"][0]
        _limit_files(server.process.pid, -1)
        until(server.healthy)
        server.call("send_message", to="ada", from_="x", subject="s", content="x" * 100_000)


def _limit_files(pid: int, size: int) -> None:
    limit = resource.RLIM_INFINITY if size < 0 else size
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))


def test_health_is_answered_by_an_old_process_while_the_new_one_is_stuck(tmp_path: Path) -> None:
    """The answer says whose data are served from where; a new process does not stay beside an old one, it ends."""
    data = tmp_path / "data"
    data.mkdir()
    with server_process(data) as old:
        health = old.get("/health").json()
        assert health["data_directory"] == str(data)
        assert health["identity"] == json.loads((data / "identity.json").read_text())["id"]
        assert health["environment"] == "development"
        assert health["uptime_seconds"] >= 0
        assert f"process {old.process.pid} (" in refusal(data, port=old.port)
        other = tmp_path / "other"
        other.mkdir()
        assert f"Port {old.port} " in refusal(other, port=old.port)
        before = health["uptime_seconds"]
        old.stop()
    with server_process(data, port=old.port) as new:
        health = new.get("/health").json()
        assert health["uptime_seconds"] < before + 60
        assert health["identity"] == json.loads((data / "identity.json").read_text())["id"]


def test_an_http_and_an_sse_process_on_the_same_directory_corrupt_the_task_file(tmp_path: Path) -> None:
    """ "In two of three runs." Here the second process is refused, whatever it wants to serve."""
    data = tmp_path / "data"
    data.mkdir()
    with server_process(data) as server:
        for number in range(20):
            server.call("create_task", id=f"t{number}", title="T", description="")
        assert f"{data} is in use by process {server.process.pid} (" in refusal(data)
        assert server.call("get_tasks", limit=1)["total"] == 20
        assert server.stop() == 0
    with server_process(data) as server:
        assert server.call("get_tasks", limit=1)["total"] == 20


@pytest.mark.parametrize("clients", [2, 10])
async def test_of_100_created_tasks_some_are_not_acknowledged_and_more_are_not_stored(
    tmp_path: Path, clients: int
) -> None:
    """ "With 2 clients 90-97 acknowledged and 80-89 stored; with 10 clients 48-61 acknowledged and 23-27 stored." """
    data = tmp_path / "data"
    data.mkdir()
    with server_process(data) as server:
        async with callers(server.port, clients) as agents:
            await agents[0].call("create_project", id="p", name="P", description="")

            async def create(client: int) -> None:
                for number in range(client, 100, clients):
                    name = f"t{number}"
                    await agents[client].call("create_task", id=name, title="T", description="", project_id="p")

            await asyncio.gather(*map(create, range(clients)))
        server.kill()
    with server_process(data) as server:
        assert server.call("get_tasks", project_id="p", limit=1)["total"] == 100


async def test_ten_clients_claim_one_task_and_six_succeed(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    with server_process(data) as server:
        async with callers(server.port, 10) as agents:
            for number, one in enumerate(agents):
                await one.call("register_instance", instanceId=f"a{number}", role="dev")
            await agents[0].call("create_task", id="t", title="T", description="")
            claims = (one.ask("claim_task", id="t", instanceId=f"a{number}") for number, one in enumerate(agents))
            answers = await asyncio.gather(*claims)
        assert sum("result" in answer for answer in answers) == 1


def test_every_write_rewrites_a_whole_file_with_one_fixed_temporary_name(tmp_path: Path) -> None:
    """Here a write grows a log by what is new, and no file comes or goes while a server writes."""
    data = tmp_path / "data"
    data.mkdir()
    with server_process(data) as server:
        server.call("register_instance", instanceId="ada", role="dev")
        for number in range(30):
            server.call("send_message", to="ada", from_="x", subject=f"{number}", content="x" * 20_000)
        names = {file.name for file in data.iterdir()}
        log = (data / "homeport.db-wal").stat().st_size
        server.call("send_message", to="ada", from_="x", subject="last", content="short")
        assert {file.name for file in data.iterdir()} == names
        assert (data / "homeport.db-wal").stat().st_size - log < 200_000


def test_ids_from_outside_leave_no_file_outside_the_data_directory(tmp_path: Path) -> None:
    """ "`../../x` as a project id or recipient writes outside the data directory." """
    data = tmp_path / "a" / "b" / "data"
    data.mkdir(parents=True)
    with server_process(data, log=tmp_path / "log") as server:
        server.refused("create_task", id="../../x", title="X", description="")
        server.refused("submit_lessons", project_id="../../x", instance_id="a", lessons=[])
        server.refused("send_message", to="../../x", from_="a", subject="X", content="X")
        assert server.stop() == 0
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == [
        "homeport.db",
        "identity.json",
        "log",
        "server.lock",
    ]
