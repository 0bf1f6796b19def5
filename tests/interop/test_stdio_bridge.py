"""``homeport stdio`` between the official clients and a real server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import anyio
import anyio.lowlevel
import mcp
import pytest
from mcp_types import TextContent

from tests.support.node import DIRECTORY, NodeTools
from tests.support.ports import free_ports
from tests.support.running import PROGRAM, Workspace, running, workspace
from tests.support.waiting import eventually

pytestmark = pytest.mark.slow

ERAS: Final = [("auto", "2026-07-28"), ("legacy", "2025-11-25")]
ABSENT: Final = "Nothing answers at"


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    """A declared development."""
    return workspace(tmp_path)


@pytest.fixture
def server(place: Workspace) -> Iterator[Workspace]:
    """Its server."""
    with running(place):
        yield place


def arguments_for(port: int, *more: str) -> list[str]:
    return [*PROGRAM, "stdio", "development", "--url", f"http://127.0.0.1:{port}", *more]


def started(port: int, *more: str) -> mcp.StdioServerParameters:
    command, *arguments = arguments_for(port, *more)
    return mcp.StdioServerParameters(command=command, args=arguments)


def status_of(result: Any) -> dict[str, Any]:
    """The structured answer, or the text that older revisions get."""
    if result.structured_content is not None:
        return dict(result.structured_content)
    content = result.content[0]
    assert isinstance(content, TextContent)
    return dict(json.loads(content.text))


@pytest.mark.parametrize(("mode", "version"), ERAS)
async def test_the_python_client_lists_and_calls_tools_over_pipes(mode: str, version: str, server: Workspace) -> None:
    async with mcp.Client(started(server.port), mode=mode) as client:
        assert client.protocol_version == version
        assert (await client.list_tools()).tools[0].name == "bootstrap"
        status = status_of(await client.call_tool("get_server_status", {}))
        assert status["environment"] == "development"
        assert (await client.call_tool("get_task", {"id": "none"})).is_error


@pytest.mark.parametrize(("mode", "version"), ERAS)
async def test_a_server_that_is_restarted_in_between_is_met_again(mode: str, version: str, place: Workspace) -> None:
    answers: list[Any] = []
    with running(place):
        client = mcp.Client(started(place.port), mode=mode)
        await client.__aenter__()
        await client.call_tool("register_instance", {"instanceId": "ada", "role": "dev"})

    async def ask() -> None:
        answers.append(await client.call_tool("get_instance", {"instanceId": "ada"}))

    async def start() -> None:
        with running(place):
            await eventually(lambda: _done(answers), within=20)
            assert not answers[0].is_error
            assert client.protocol_version == version
            assert not (await client.call_tool("get_server_status", {})).is_error

    try:
        # Asked while nobody is there: it waits, and the next server answers it.
        async with anyio.create_task_group() as group:
            group.start_soon(ask)
            await anyio.lowlevel.checkpoint()
            group.start_soon(start)
    finally:
        await client.__aexit__(None, None, None)


async def _done(answers: list[Any]) -> bool:
    return bool(answers)


def test_a_message_of_half_a_megabyte_goes_both_ways(server: Workspace) -> None:
    text = "größer " * 71_500
    assert len(text) > 500_000
    with _raw(server.port) as bridge:
        call = {"name": "no_such_tool", "arguments": {"text": text}}
        bridge.send({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call})
        assert bridge.read()["id"] == 1
        # No single answer of this server is as long, so many are asked for at once.
        for number in range(2, 42):
            bridge.send({"jsonrpc": "2.0", "id": number, "method": "tools/list"})
        answers = [bridge.read() for _ in range(40)]
        assert {answer["id"] for answer in answers} == set(range(2, 42))
        assert sum(len(json.dumps(answer)) for answer in answers) > 500_000


def test_a_server_that_is_absent_is_an_error_and_no_hang(place: Workspace) -> None:
    with _raw(place.port, "--patience", "0.2") as bridge:
        bridge.send({"jsonrpc": "2.0", "id": "first", "method": "initialize", "params": {}})
        error = bridge.read()
        assert error["id"] == "first"
        assert error["error"]["code"] == -32000
        assert ABSENT in error["error"]["message"]
        with running(place):
            bridge.send({"jsonrpc": "2.0", "id": 2, "method": "ping"})
            assert bridge.read() == {"jsonrpc": "2.0", "id": 2, "result": {}}


def test_requests_do_not_wait_for_each_other(server: Workspace) -> None:
    with _raw(server.port) as bridge:
        server.call("register_instance", instanceId="bob", role="dev")
        wait = {"name": "wait_for_messages", "arguments": {"instanceId": "bob", "timeout_seconds": 20}}
        bridge.send({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": wait})
        bridge.send({"jsonrpc": "2.0", "id": 2, "method": "ping"})
        assert bridge.read()["id"] == 2
        server.call("send_message", from_="ada", to="bob", subject="Hello", content="There?")
        waited = bridge.read()
        assert waited["id"] == 1
        assert "Hello" in json.dumps(waited)


def test_what_is_no_message_gets_a_parse_error() -> None:
    with _raw(free_ports(1)[0]) as bridge:
        bridge.line(b"not JSON")
        assert bridge.read()["error"]["code"] == -32700


def test_answers_on_their_way_are_written_before_it_ends(server: Workspace) -> None:
    asked = b'{"jsonrpc": "2.0", "id": 1, "method": "ping"}\n{"jsonrpc": "2.0", "id": 2, "method": "ping"}'
    done = subprocess.run(arguments_for(server.port), input=asked, capture_output=True, timeout=30, check=True)
    assert {json.loads(line)["id"] for line in done.stdout.splitlines()} == {1, 2}
    assert done.stderr == b""


def test_the_port_of_another_environment_is_not_spoken_with(tmp_path: Path) -> None:
    with running(workspace(tmp_path, "local")) as other, _raw(other.port) as bridge:
        bridge.send({"jsonrpc": "2.0", "id": 1, "method": "ping"})
        assert "local answers" in bridge.read()["error"]["message"]


@pytest.mark.needs_node
@pytest.mark.parametrize(("mode", "version"), ERAS)
async def test_the_typescript_client_lists_and_calls_tools_over_pipes(
    mode: str, version: str, server: Workspace, node_tools: NodeTools
) -> None:
    command = [str(node_tools.node), str(DIRECTORY / "stdio.mjs"), mode, *arguments_for(server.port)]
    done = await anyio.run_process(command)
    seen = json.loads(done.stdout)
    assert seen["version"] == version
    assert seen["tools"][0] == "bootstrap"
    assert seen["refused"]["isError"] is True
    assert "development" in json.dumps(seen["status"])


class _Raw:
    """A bridge that is spoken with line by line."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def send(self, message: dict[str, Any]) -> None:
        self.line(json.dumps(message).encode())

    def line(self, data: bytes) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(data + b"\n")
        self._process.stdin.flush()

    def read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        return dict(json.loads(self._process.stdout.readline()))


@contextmanager
def _raw(port: int, *more: str) -> Iterator[_Raw]:
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    command = arguments_for(port, *more)
    assert command[0] == sys.executable
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
    ) as process:
        try:
            yield _Raw(process)
            assert process.stdin is not None
            process.stdin.close()
            assert process.wait(30) == 0
        finally:
            process.kill()
