"""The official clients against a listening server."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import anyio
import anyio.lowlevel
import httpx2
import mcp
import mcp.client.session
import pytest
from mcp_types import TextContent

from tests.support.listening import Listening, listening
from tests.support.node import DIRECTORY, NodeTools
from tests.support.site import LEGACY


@pytest.fixture
async def server() -> AsyncIterator[Listening]:
    """A server on a port of its own."""
    async with listening() as one:
        yield one


async def test_the_official_python_client_speaks_the_newest_revision(server: Listening) -> None:
    async with mcp.Client(f"{server.url}/mcp") as client:
        assert client.protocol_version == "2026-07-28"
        tools = (await client.list_tools()).tools
        assert tools[0].name == "bootstrap"
        result = await client.call_tool("get_server_status", {})
        assert result.structured_content["environment"] == "development"
        refused = await client.call_tool("get_task", {"id": "none"})
        assert refused.is_error
        assert refused.structured_content["error"]["code"] == "not_found"
        with pytest.raises(mcp.MCPError, match="no tool"):
            await client.call_tool("no_such_tool", {})


@pytest.mark.parametrize("version", LEGACY)
async def test_the_official_python_client_speaks_every_older_revision(
    server: Listening, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mcp.client.session, "LATEST_HANDSHAKE_VERSION", version)
    async with mcp.Client(f"{server.url}/mcp", mode="legacy") as client:
        assert client.protocol_version == version
        assert len((await client.list_tools()).tools) == len(
            [one for one in server.served.dispatcher.catalogue.values() if one.listed]
        )
        result = await client.call_tool("get_server_status", {})
        content = result.content[0]
        assert isinstance(content, TextContent)
        assert json.loads(content.text)["environment"] == "development"
        assert result.structured_content is None
        assert (await client.call_tool("get_task", {"id": "none"})).is_error


async def test_progress_can_be_asked_for(server: Listening) -> None:
    async def told(progress: float, total: float | None, message: str | None) -> None:
        del progress, total, message

    async with mcp.Client(f"{server.url}/mcp") as client:
        result = await client.call_tool("get_server_status", {}, progress_callback=told)
        assert result.structured_content["environment"] == "development"


async def test_two_agents_talk_through_the_official_client(server: Listening) -> None:
    async with mcp.Client(f"{server.url}/mcp") as ada, mcp.Client(f"{server.url}/mcp", mode="legacy") as bob:
        await ada.call_tool("register_instance", {"instanceId": "ada", "role": "dev"})
        await bob.call_tool("register_instance", {"instanceId": "bob", "role": "dev"})
        told: list[Any] = []

        async def wait() -> None:
            told.append(await bob.call_tool("wait_for_messages", {"instanceId": "bob", "timeout_seconds": 20.0}))

        async with anyio.create_task_group() as group:
            group.start_soon(wait)
            message = {"to": "bob", "from": "ada", "subject": "Hello", "content": "Are you there?"}
            assert not (await ada.call_tool("send_message", message)).is_error
        assert "Hello" in told[0].content[0].text


async def test_a_waiting_client_that_leaves_is_not_waited_for(server: Listening) -> None:
    await server.served.call(None, "register_instance", {"instanceId": "bob", "role": "dev"})
    params = {"name": "wait_for_messages", "arguments": {"instanceId": "bob", "timeout_seconds": 60}}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    async with httpx2.AsyncClient() as client:
        with pytest.raises(httpx2.ReadTimeout):
            await client.post(f"{server.url}/mcp", json=body, timeout=0.2)
    with anyio.fail_after(20):
        while not [line for line in server.served.logged() if line.get("status") == 499]:
            await anyio.lowlevel.checkpoint()


@pytest.mark.needs_node
@pytest.mark.parametrize(("mode", "version"), [("auto", "2026-07-28"), ("legacy", "2025-11-25")])
async def test_the_official_typescript_client_lists_and_calls_tools(
    server: Listening, node_tools: NodeTools, mode: str, version: str
) -> None:
    script = DIRECTORY / "tools.mjs"
    done = await anyio.run_process([str(node_tools.node), str(script), f"{server.url}/mcp", mode])
    seen = json.loads(done.stdout)
    assert seen["version"] == version
    assert seen["tools"][0] == "bootstrap"
    assert "bootstrap" in seen["instructions"]
    assert seen["refused"]["isError"] is True
    status = seen["status"].get("structuredContent") or json.loads(seen["status"]["content"][0]["text"])
    assert status["environment"] == "development"


@pytest.mark.needs_node
@pytest.mark.slow
async def test_the_inspector_lists_and_calls_tools(server: Listening, node_tools: NodeTools) -> None:
    inspector = [*node_tools.tool("mcp-inspector"), "--cli", f"{server.url}/mcp", "--transport", "http"]
    listed = await anyio.run_process([*inspector, "--method", "tools/list"], cwd=node_tools.directory)
    assert json.loads(listed.stdout)["tools"][0]["name"] == "bootstrap"
    called = await anyio.run_process(
        [*inspector, "--method", "tools/call", "--tool-name", "get_server_status"], cwd=node_tools.directory
    )
    assert "development" in called.stdout.decode()
