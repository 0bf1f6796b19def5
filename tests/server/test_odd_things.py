"""What a server meets that nobody planned: clients that leave, stop, flood and forge."""

from __future__ import annotations

import asyncio
import json
import resource
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest

from tests.support.load import callers
from tests.support.process import ServerProcess, call_body, server_process, unharmed
from tests.support.waiting import eventually, until

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """One for all: after each oddity it must be as good as before."""
    with unharmed(tmp_path_factory.mktemp("odd") / "data") as one:
        yield one


def request(name: str, **arguments: Any) -> bytes:
    body = json.dumps(call_body(name, arguments)).encode()
    head = "POST /mcp HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: "
    return f"{head}{len(body)}\r\n\r\n".encode() + body


def test_a_client_that_leaves_in_the_middle_of_a_body_has_said_nothing(server: ServerProcess) -> None:
    server.call("register_instance", instanceId="half", role="dev")
    for cut in range(1, 60):
        with socket.create_connection(("127.0.0.1", server.port)) as one:
            one.sendall(request("send_message", to="half", from_="x", subject="half", content="!")[:-cut])
    assert server.call("get_messages", instanceId="half")["total"] == 0


async def test_clients_that_leave_while_they_wait_leave_nothing_behind(server: ServerProcess) -> None:
    process = psutil.Process(server.process.pid)
    until(server.healthy)
    for _ in range(200):
        with socket.create_connection(("127.0.0.1", server.port)) as one:
            one.sendall(request("wait_for_messages", instanceId="ada", timeout_seconds=60))

    async def nothing_is_left() -> bool:
        return all(one.status != psutil.CONN_ESTABLISHED for one in process.net_connections("tcp"))

    await eventually(nothing_is_left)


@pytest.mark.parametrize("body", [b"[" * 100_000 + b"]" * 100_000, b'{"a":' * 100_000 + b"1" + b"}" * 100_000])
@pytest.mark.parametrize("path", ["/mcp", "/api/v1/tasks"])
def test_json_that_is_a_hundred_thousand_deep_is_refused(server: ServerProcess, path: str, body: bytes) -> None:
    answer = httpx2.post(f"{server.url}{path}", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert "depth" in answer.text or "deep" in answer.text


def test_a_body_over_a_megabyte_is_refused_though_it_tells_no_length(server: ServerProcess) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(20):
            yield b" " * 65_536

    for content in (b" " * (1 << 21), pieces()):
        with suppress(httpx2.WriteError, httpx2.ReadError):  # it closes the connection that is still being written to
            assert httpx2.post(f"{server.url}/mcp", content=content).status_code == 413
    assert server.healthy()


@pytest.mark.parametrize("text", ['"\\ud800"', '"\\udfff x"', '"\\ud83d \\ude80"'])
def test_half_a_surrogate_pair_is_refused_wherever_it_stands(server: ServerProcess, text: str) -> None:
    for argument in ("to", "from", "subject", "content", "thread_id", "type"):
        given = {"to": '"ada"', "from": '"bob"', "subject": '"s"', "content": '"c"', argument: text}
        pairs = ",".join(f'"{name}":{value}' for name, value in given.items())
        call = f'{{"name":"send_message","arguments":{{{pairs}}}}}'
        body = f'{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{call}}}'
        answer = httpx2.post(f"{server.url}/mcp", content=body.encode())
        assert "error" in answer.json()
        assert answer.json()["error"]["code"] in (-32700, -32602)


def test_a_text_with_a_nul_is_kept_whole_and_found(server: ServerProcess) -> None:
    server.call("register_instance", instanceId="nul", role="dev")
    sent = server.call("send_message", to="nul", from_="x", subject="a\0b", content="before\0afterwards zebra")
    assert server.call("get_message", id=sent["message"]["id"])["message"]["body"] == "before\0afterwards zebra"
    assert server.call("get_messages", instanceId="nul")["messages"][0]["subject"] == "a\0b"
    assert server.call("search", instanceId="nul", query="zebra")["results"][0]["id"] == sent["message"]["id"]
    assert server.refused("create_task", id="a\0b", title="T", description="")["data"]["code"] == "invalid"


@pytest.mark.parametrize("number", [-1, 0, 201, 2**31, 2**63, 2**64, 10**40, 1.5, True, "5"])
def test_a_limit_that_cannot_be_is_refused(server: ServerProcess, number: object) -> None:
    assert server.refused("get_messages", instanceId="ada", limit=number)["code"] == -32602


@pytest.mark.parametrize("number", [2**63, 2**64, -(2**70), 10**300])
def test_a_fence_of_any_size_is_answered(server: ServerProcess, number: int) -> None:
    name = f"fenced-{number}"[:150]
    server.call("create_task", id=name, title="T", description="")
    server.call("claim_task", id=name, instanceId="ada")
    refused = server.refused("update_task", id=name, instanceId="ada", fence=number, updates={"title": "Late"})
    assert refused["code"] in (-32602, -32009)


def test_ids_that_differ_in_case_or_form_are_different_instances_with_their_own_mail(server: ServerProcess) -> None:
    names = ["Zoe", "zoe", "ZOE", "Zo\u00e9", "Zoe\u0301"]
    for name in names:
        assert server.call("register_instance", instanceId=name, role="dev")["is_new"], name
    for name in names:
        assert server.call("send_message", to=name, from_="x", subject=name, content="!")["delivered"] == 1
    for name in names:
        assert [one["subject"] for one in server.call("get_messages", instanceId=name)["messages"]] == [name]


async def test_a_server_that_was_stopped_for_a_while_goes_on_where_it_was(server: ServerProcess) -> None:
    server.call("create_task", id="paused", title="T", description="")
    fence = server.call("claim_task", id="paused", instanceId="ada")["task"]["fence"]
    async with callers(server.port, 20) as agents:
        server.process.send_signal(signal.SIGSTOP)
        calls = [
            asyncio.create_task(one.call("send_message", to="ada", from_="x", subject="While", content="!"))
            for one in agents
        ]
        done, _ = await asyncio.wait(calls, timeout=1)
        assert not done
        server.process.send_signal(signal.SIGCONT)
        assert len({answer["message"]["id"] for answer in await asyncio.gather(*calls)}) == 20
    task = server.call("update_task", id="paused", instanceId="ada", fence=fence, updates={"status": "in_progress"})
    assert task["task"]["status"] == "in_progress"


def test_a_server_without_free_descriptors_serves_again_once_there_are_some(server: ServerProcess) -> None:
    until(server.healthy)
    httpx2.post(f"{server.url}/mcp", json={"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {}})
    _, most = resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE)
    before = resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (64, most))
    try:
        held = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(150)]
        for one in held:
            one.close()
        until(server.healthy)
    finally:
        resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, before)
    assert server.call("search", instanceId="ada", query="while") is not None


def test_a_log_that_nobody_reads_any_more_does_not_end_the_server(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    pipe = tmp_path / "pipe"
    subprocess.run(["mkfifo", str(pipe)], check=True)
    # Opened for reading and writing, so that neither side waits for the other.
    with pipe.open("r+b", buffering=0) as reader, server_process(data, log=pipe) as server:
        reader.close()
        for _ in range(3):
            assert server.get("/none").status_code == 404
        assert server.call("register_instance", instanceId="ada", role="dev")["is_new"]
        assert server.stop() == 0
