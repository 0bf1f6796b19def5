"""A disk that is full: a server refuses to start on it, and one that runs says so, reads on, and recovers by itself."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support.load import callers
from tests.support.process import ServerProcess, refusal, server_process, starting
from tests.support.waiting import until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a disk that is small enough to be filled"),
]
BODY = "x" * 50_000


class Disk:
    """A file system of its own, in memory."""

    def __init__(self, at: Path) -> None:
        self.at = at
        self.data = at / "data"

    def resize(self, size: str) -> None:
        subprocess.run(["mount", "-o", f"remount,size={size}", str(self.at)], check=True)

    def fill(self) -> None:
        """Takes all that is left."""
        descriptor = os.open(self.at / "ballast", os.O_WRONLY | os.O_CREAT)
        with suppress(OSError):
            while True:
                os.write(descriptor, b"x" * 4096)
        os.close(descriptor)

    def free(self) -> None:
        (self.at / "ballast").unlink()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    at = tmp_path / "disk"
    at.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "none", str(at)], check=False)
    if mounted.returncode:
        pytest.skip("a file system cannot be mounted here")
    (at / "data").mkdir()
    try:
        yield Disk(at)
    finally:
        subprocess.run(["umount", str(at)], check=True)


async def fill_with_messages(server: ServerProcess) -> tuple[list[str], list[dict[str, Any]]]:
    """Sends until each of some clients was refused ten times; what was acknowledged, and the refusals."""
    acknowledged: list[str] = []
    refusals: list[dict[str, Any]] = []
    async with callers(server.port, 4) as agents:

        async def client(number: int) -> None:
            refused = 0
            while refused < 10:
                answer = await agents[number].ask(
                    "send_message", to="ada", from_=f"c{number}", subject="Fill", content=BODY
                )
                if "result" in answer:
                    acknowledged.append(answer["result"]["data"]["message"]["id"])
                else:
                    refusals.append(answer["error"])
                    refused += 1

        await asyncio.gather(*map(client, range(4)))
    return acknowledged, refusals


async def test_a_disk_that_fills_up_is_named_reads_go_on_and_space_that_is_freed_is_used_without_a_restart(
    disk: Disk, tmp_path: Path
) -> None:
    with server_process(disk.data, log=tmp_path / "log") as server:
        server.call("register_instance", instanceId="ada", role="dev")
        acknowledged, refusals = await fill_with_messages(server)
        assert {refused["data"]["code"] for refused in refusals} == {"unavailable"}
        assert all("the disk is full" in refused["message"] for refused in refusals)
        assert all(str(disk.data / "homeport.db") in refused["message"] for refused in refusals)
        plain = httpx2.post(
            f"{server.url}/api/v1/messages", json={"to": "ada", "from": "x", "subject": "s", "content": BODY}
        )
        assert (plain.status_code, plain.json()["error"]["code"]) == (503, "unavailable")
        assert plain.headers["retry-after"]

        until(lambda: not server.healthy())
        health = server.get("/health")
        assert health.status_code == 503
        assert health.json()["status"] == "unhealthy"
        assert "the disk is full" in health.json()["reasons"][0]
        assert str(disk.data) in health.json()["reasons"][0]

        assert server.call("get_messages", instanceId="ada")["total"] == len(acknowledged)
        assert server.call("get_message", id=acknowledged[-1])["message"]["body"] == BODY
        assert server.call("search", instanceId="ada", query="Fill")["results"]
        assert server.call("wait_for_messages", instanceId="ada", timeout_seconds=0)["messages"]

        disk.resize("60m")
        server.call("send_message", to="ada", from_="x", subject="After", content=BODY)
        until(server.healthy)
        assert server.call("get_messages", instanceId="ada")["total"] == len(acknowledged) + 1
        async with callers(server.port, 1) as (one,):
            for message in acknowledged:
                assert (await one.call("get_message", id=message))["message"]["body"] == BODY
        assert [event["event"] for event in server.events()] == ["listening"], "a full disk is no failure of the server"
        assert server.stop() == 0


async def test_a_server_that_is_killed_on_a_full_disk_has_lost_nothing_once_there_is_space(
    disk: Disk, tmp_path: Path
) -> None:
    with server_process(disk.data, log=tmp_path / "log") as server:
        server.call("register_instance", instanceId="ada", role="dev")
        acknowledged, _ = await fill_with_messages(server)
        server.kill()
    disk.resize("60m")
    with server_process(disk.data, log=tmp_path / "log") as server:
        assert server.call("get_messages", instanceId="ada")["total"] == len(acknowledged)
        assert server.stop() == 0


def test_a_server_does_not_start_on_a_full_disk_and_says_so(disk: Disk, tmp_path: Path) -> None:
    with server_process(disk.data, log=tmp_path / "log") as server:
        server.call("register_instance", instanceId="ada", role="dev")
        assert server.stop() == 0
    disk.fill()
    told = refusal(disk.data, log=tmp_path / "refused")
    assert told.startswith(f"{disk.data} is on a full file system: No space left on device")
    disk.free()
    with server_process(disk.data, log=tmp_path / "log") as server:
        assert not server.call("register_instance", instanceId="ada", role="dev")["is_new"]
        assert server.stop() == 0


@pytest.mark.parametrize("size", ["16k", "32k", "64k", "256k"])
def test_a_first_start_for_which_there_is_no_room_can_be_repeated_when_there_is(
    disk: Disk, tmp_path: Path, size: str
) -> None:
    disk.resize(size)
    told = refusal(disk.data, log=tmp_path / "refused")
    assert "full" in told
    assert str(disk.data) in told
    disk.resize("60m")
    with server_process(disk.data, log=tmp_path / "log") as server:
        assert server.stop() == 0


def test_a_log_on_a_full_disk_does_not_keep_a_server_from_its_work(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    with starting(data, log=Path("/dev/full")) as server:
        until(lambda: _answers(server), within=30)
        assert server.call("register_instance", instanceId="ada", role="dev")["is_new"]
        assert server.stop() == 0


def _answers(server: ServerProcess) -> bool:
    assert server.process.poll() is None, "the server has ended"
    try:
        return server.get("/health").status_code == 200
    except httpx2.TransportError:
        return False
