"""The clients that people use, over HTTP and over pipes, each behind the same two methods."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from itertools import count
from typing import Any, Final

import anyio
import httpx2
import mcp
import mcp.client.session
import pytest
from mcp.client.sse import sse_client

from tests.interop.client import Client, Connect, Reply, reply_of
from tests.interop.workspace import PROGRAM, Homeport
from tests.support.node import DIRECTORY, find_node_tools
from tests.support.waiting import eventually

LINE: Final = 1 << 20
"""Bytes of the longest line that is read from a client in another language."""


class PythonClient:
    """The official Python SDK's client."""

    def __init__(self, client: mcp.Client) -> None:
        self._client = client

    async def tools(self) -> list[dict[str, Any]]:
        listed = await self._client.list_tools()
        return [tool.model_dump(mode="json", by_alias=True, exclude_unset=True) for tool in listed.tools]

    async def call(self, name: str, arguments: Mapping[str, Any]) -> Reply:
        result = await self._client.call_tool(name, dict(arguments))
        return reply_of(result.model_dump(mode="json", by_alias=True, exclude_none=True))


@asynccontextmanager
async def python_newest(homeport: Homeport) -> AsyncIterator[Client]:
    """Revision 2026-07-28, which the client finds out by itself."""
    async with mcp.Client(homeport.mcp) as client:
        assert client.protocol_version == "2026-07-28"
        yield PythonClient(client)


@asynccontextmanager
async def python_2025_06_18(homeport: Homeport) -> AsyncIterator[Client]:
    """What many clients still are; the newer SDK is told that it knows nothing later."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mcp.client.session, "LATEST_HANDSHAKE_VERSION", "2025-06-18")
        async with mcp.Client(homeport.mcp, mode="legacy") as client:
            assert client.protocol_version == "2025-06-18"
            yield PythonClient(client)


@asynccontextmanager
async def python_over_pipes(homeport: Homeport) -> AsyncIterator[Client]:
    """A client that starts ``homeport stdio``, which stays with it while the server behind it is replaced."""
    command, *arguments = _bridge(homeport)
    async with mcp.Client(mcp.StdioServerParameters(command=command, args=arguments)) as client:
        yield PythonClient(client)


def _bridge(homeport: Homeport) -> list[str]:
    return [*PROGRAM, "stdio", "development", "--config", str(homeport.declaration)]


@asynccontextmanager
async def python_sse(homeport: Homeport) -> AsyncIterator[Client]:
    """HTTP+SSE. This client does not open its stream again after a restart: its user starts it anew."""
    async with mcp.Client(sse_client(homeport.sse), mode="legacy") as client:
        yield PythonClient(client)


class OldClient:
    """A client of the earlier server: posts a call, names no revision, never initialises, reads ``result.data``."""

    def __init__(self, http: httpx2.AsyncClient, url: str) -> None:
        self._http = http
        self._url = url

    async def tools(self) -> list[dict[str, Any]]:
        answer = await self._post("tools/list", {})
        tools: list[dict[str, Any]] = answer["result"]["tools"]
        return tools

    async def call(self, name: str, arguments: Mapping[str, Any]) -> Reply:
        answer = await self._post("tools/call", {"name": name, "arguments": dict(arguments)})
        if "error" in answer:
            return Reply(refusal=answer["error"]["message"])
        result = answer["result"]
        assert json.loads(result["content"][0]["text"]) == result["data"], "some of them parse the text"
        return Reply(result["data"])

    async def _post(self, method: str, params: object) -> dict[str, Any]:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        response = await self._http.post(self._url, json=body, headers={"accept": "*/*"})
        assert response.status_code == 200, response.text
        return dict(response.json())


@asynccontextmanager
async def old(homeport: Homeport) -> AsyncIterator[Client]:
    """No handshake, so nothing to wait for."""
    async with httpx2.AsyncClient(timeout=60) as http:
        yield OldClient(http, homeport.mcp)


class NodeClient:
    """The official TypeScript client, in a process that reads requests and writes answers, a line each."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._numbers = count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}

    async def tools(self) -> list[dict[str, Any]]:
        tools: list[dict[str, Any]] = (await self._ask({"method": "list"}))["tools"]
        return tools

    async def call(self, name: str, arguments: Mapping[str, Any]) -> Reply:
        return reply_of(await self._ask({"method": "call", "name": name, "arguments": dict(arguments)}))

    async def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        answer = await eventually(partial(self._once_connected, request))
        assert "error" not in answer, answer["error"]
        return dict(answer["result"])

    async def _once_connected(self, request: dict[str, Any]) -> dict[str, Any]:
        """The answer; none while the client's stream of HTTP+SSE, which a restart has ended, is not open again."""
        answer = await self._exchange(request)
        return {} if "There is no such session" in str(answer.get("error")) else answer

    async def _exchange(self, request: dict[str, Any]) -> dict[str, Any]:
        number = next(self._numbers)
        self._waiting[number] = asyncio.get_running_loop().create_future()
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"id": number, **request}).encode() + b"\n")
        return await self._waiting[number]

    async def listen(self) -> None:
        """Hands the answers to those who wait for them, until the process ends."""
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            answer = json.loads(line)
            self._waiting.pop(answer["id"]).set_result(answer)
        for future in self._waiting.values():
            future.set_exception(AssertionError("the TypeScript client has ended"))


@asynccontextmanager
async def _typescript(url: str, mode: str, version: str, *program: str) -> AsyncIterator[Client]:
    tools = find_node_tools()
    assert tools is not None, "mark this test needs_node"
    pipe = asyncio.subprocess.PIPE
    script = str(DIRECTORY / "agent.mjs")
    process = await asyncio.create_subprocess_exec(
        *(str(tools.node), script, url, mode, *program), stdin=pipe, stdout=pipe, limit=LINE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        connected = json.loads(await process.stdout.readline())
        assert connected == {"version": version}
        client = NodeClient(process)
        async with anyio.create_task_group() as group:
            group.start_soon(client.listen)
            yield client
            process.stdin.close()
        assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def typescript_newest(homeport: Homeport) -> AbstractAsyncContextManager[Client]:
    """Revision 2026-07-28, which the client finds out by itself."""
    return _typescript(homeport.mcp, "auto", "2026-07-28")


def typescript_legacy(homeport: Homeport) -> AbstractAsyncContextManager[Client]:
    """The last revision with ``initialize``."""
    return _typescript(homeport.mcp, "legacy", "2025-11-25")


def typescript_sse(homeport: Homeport) -> AbstractAsyncContextManager[Client]:
    """HTTP+SSE. This client opens its stream again after a restart, and never initialises again."""
    return _typescript(homeport.sse, "sse", "2025-11-25")


def typescript_over_pipes(homeport: Homeport) -> AbstractAsyncContextManager[Client]:
    """A client that starts ``homeport stdio``, and speaks the newest revision through it."""
    return _typescript("-", "auto", "2026-07-28", *_bridge(homeport))


KINDS: Final[dict[str, Connect]] = {
    "python-newest": python_newest,
    "python-2025-06-18": python_2025_06_18,
    "python-over-pipes": python_over_pipes,
    "typescript-newest": typescript_newest,
    "typescript-legacy": typescript_legacy,
    "typescript-sse": typescript_sse,
    "typescript-over-pipes": typescript_over_pipes,
    "old": old,
}
"""How each connects, by the name that tests show."""


def teams() -> list[Any]:
    """Parameters of a test with two clients: two of each kind, and some that are far apart."""
    node = pytest.mark.needs_node
    alike = [
        pytest.param(connect, connect, id=name, marks=[node] if name.startswith("typescript") else [])
        for name, connect in KINDS.items()
    ]
    return [
        *alike,
        pytest.param(python_newest, old, id="python-newest-and-old"),
        pytest.param(python_newest, python_sse, id="python-newest-and-python-sse"),
    ]
