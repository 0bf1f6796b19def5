"""HTTP+SSE of 2024-11-05, on the SSE port."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

import anyio
import httpx2
import pytest
from mcp import ClientSession
from mcp.client.sse import sse_client
from mcp_types import TextContent

from homeport.transports import outbox
from tests.support.credentials import bearer, issued
from tests.support.events import Stream, opened
from tests.support.listening import Listening, listening
from tests.support.node import NodeTools
from tests.support.site import served
from tests.support.waiting import eventually

CLIENT: dict[str, Any] = {
    "protocolVersion": "2024-11-05",
    "capabilities": {},
    "clientInfo": {"name": "test", "version": "1"},
}


@dataclass
class Talk:
    """A raw client: its stream, and where it posts."""

    http: httpx2.AsyncClient
    stream: Stream
    endpoint: str

    async def post(self, message: object, headers: Mapping[str, str] | None = None) -> httpx2.Response:
        content = message if isinstance(message, bytes) else json.dumps(message).encode()
        given = {"content-type": "application/json", **(headers or {})}
        return await self.http.post(self.endpoint, content=content, headers=given)

    async def ask(self, method: str, request_id: int | str = 1, **params: Any) -> dict[str, Any]:
        """A request, and the next message on the stream."""
        body = {"jsonrpc": "2.0", "id": request_id, "method": method, "params": params}
        assert (await self.post(body)).status_code == 202
        return await self.stream.message()


@asynccontextmanager
async def talking(url: str, headers: Mapping[str, str] | None = None) -> AsyncIterator[Talk]:
    """A stream that is open, and whose endpoint is known."""
    async with httpx2.AsyncClient() as http, opened(http, url, headers=dict(headers or {})) as stream:
        assert stream.response.status_code == 200, stream.response.status_code
        name, data = await stream.event()
        assert name == "endpoint"
        yield Talk(http, stream, urljoin(url, data))


@pytest.fixture
async def server() -> AsyncIterator[Listening]:
    """A server on two ports of its own."""
    async with listening() as one:
        yield one


async def test_a_conversation_goes_over_the_stream_and_its_endpoint(server: Listening) -> None:
    async with talking(server.sse_url) as talk:
        headers = talk.stream.response.headers
        assert headers["content-type"] == "text/event-stream"
        assert headers["x-mcp-environment"] == "development"
        assert headers["x-accel-buffering"] == "no"
        result = (await talk.ask("initialize", **CLIENT))["result"]
        assert result["protocolVersion"] == "2024-11-05"
        assert result["serverInfo"]["name"] == "homeport-development"
        accepted = await talk.post({"jsonrpc": "2.0", "method": "notifications/initialized"})
        assert (accepted.status_code, accepted.content) == (202, b"")
        assert await talk.ask("ping", "p") == {"jsonrpc": "2.0", "id": "p", "result": {}}
        tools = (await talk.ask("tools/list"))["result"]["tools"]
        assert not [tool for tool in tools if "outputSchema" in tool]
        answer = (await talk.ask("tools/call", name="get_server_status", arguments={}))["result"]
        assert set(answer) == {"_meta", "content", "isError"}
        assert json.loads(answer["content"][0]["text"])["environment"] == "development"
        assert (await talk.ask("no/such"))["error"]["code"] == -32601
        assert (await talk.ask("tools/call", name="no_such_tool"))["error"]["code"] == -32602


async def test_who_opens_a_new_stream_need_not_initialise_again(server: Listening) -> None:
    for _ in range(2):
        async with talking(server.sse_url) as talk:
            answer = await talk.ask("tools/call", name="get_server_status", arguments={})
            assert answer["result"]["isError"] is False


@pytest.mark.parametrize(
    ("path", "header", "endpoint"),
    [
        ("/sse", None, "/messages?"),
        ("/sse/", None, "/messages?"),
        ("/mcp/dev/sse", None, "/mcp/dev/messages?"),
        ("/sse", "/mcp/dev", "/mcp/dev/messages?"),
        ("/sse", "/mcp/dev/", "/mcp/dev/messages?"),
        ("/sse", "//evil.example", "/messages?"),
        ("/sse", "https://evil.example", "/messages?"),
    ],
)
async def test_the_endpoint_is_below_the_prefix_of_a_proxy(
    server: Listening, path: str, header: str | None, endpoint: str
) -> None:
    headers = {} if header is None else {"x-forwarded-prefix": header}
    async with httpx2.AsyncClient() as http, opened(http, urljoin(server.sse_url, path), headers=headers) as stream:
        assert (await stream.event())[1].startswith(endpoint)


async def test_a_path_that_a_proxy_passes_on_whole_works_for_messages_too(server: Listening) -> None:
    async with talking(urljoin(server.sse_url, "/mcp/dev/sse")) as talk:
        assert "/mcp/dev/messages?" in talk.endpoint
        assert (await talk.ask("ping"))["result"] == {}


@pytest.mark.parametrize(
    ("body", "kind", "status", "code"),
    [
        (b"{", "application/json", 400, -32700),
        (b"[" * 100_000, "application/json", 400, -32700),
        (b'"text"', "application/json", 400, -32600),
        (b"[]", "application/json", 400, -32600),
        (b'{"jsonrpc": "1.0", "id": 1, "method": "ping"}', "application/json", 400, -32600),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "ping"}', "text/plain", 415, -32600),
    ],
)
async def test_what_is_no_message_is_refused_and_the_session_goes_on(
    server: Listening, body: bytes, kind: str, status: int, code: int
) -> None:
    async with talking(server.sse_url) as talk:
        response = await talk.post(body, {"content-type": kind})
        assert (response.status_code, response.json()["error"]["code"]) == (status, code)
        assert (await talk.ask("ping"))["result"] == {}


async def test_a_body_over_the_limit_is_413_and_the_session_goes_on(server: Listening) -> None:
    async with talking(server.sse_url) as talk:
        assert (await talk.post(b" " * (1 << 20) + b"{}")).status_code == 413
        assert (await talk.ask("ping"))["result"] == {}


async def test_each_message_of_a_batch_is_answered(server: Listening) -> None:
    async with talking(server.sse_url) as talk:
        batch = [{"jsonrpc": "2.0", "id": number, "method": "ping"} for number in range(3)]
        assert (await talk.post(batch)).status_code == 202
        assert sorted([(await talk.stream.message())["id"] for _ in batch]) == [0, 1, 2]


async def test_a_wait_that_is_cancelled_is_never_answered(server: Listening) -> None:
    await server.served.call(None, "register_instance", {"instanceId": "bob", "role": "dev"})
    async with talking(server.sse_url) as talk:
        arguments = {"instanceId": "bob", "timeout_seconds": 60}
        params = {"name": "wait_for_messages", "arguments": arguments}
        await talk.post({"jsonrpc": "2.0", "id": "w", "method": "tools/call", "params": params})
        await eventually(_anybody_waits(server))
        cancel = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "w"}}
        assert (await talk.post(cancel)).status_code == 202
        await eventually(_nobody_waits(server))
        assert (await talk.ask("ping", "p"))["id"] == "p"


async def test_a_wait_ends_with_its_stream(server: Listening) -> None:
    await server.served.call(None, "register_instance", {"instanceId": "bob", "role": "dev"})
    async with talking(server.sse_url) as talk:
        params = {"name": "wait_for_messages", "arguments": {"instanceId": "bob", "timeout_seconds": 60}}
        await talk.post({"jsonrpc": "2.0", "id": "w", "method": "tools/call", "params": params})
        await eventually(_anybody_waits(server))
    await eventually(_nobody_waits(server))


async def test_a_session_of_nobody_is_not_found(server: Listening) -> None:
    async with talking(server.sse_url) as talk, httpx2.AsyncClient() as http:
        for query in ("", "?session_id=", "?session_id=none", "?session_id=%00"):
            url = talk.endpoint.partition("?")[0] + query
            response = await http.post(url, json={"jsonrpc": "2.0", "id": 1, "method": "ping"})
            assert response.status_code == 404


async def test_a_foreign_host_and_a_foreign_origin_are_refused(server: Listening) -> None:
    async with httpx2.AsyncClient() as http:
        for headers, status in (({"host": "evil.example"}, 421), ({"origin": "https://evil.example"}, 403)):
            assert (await http.get(server.sse_url, headers=headers)).status_code == status
            assert (await http.post(urljoin(server.sse_url, "/messages"), headers=headers)).status_code == status


async def test_the_two_ports_offer_only_their_own(server: Listening) -> None:
    async with httpx2.AsyncClient() as http:
        assert (await http.get(f"{server.url}/sse")).status_code == 404
        for path in ("/mcp", "/api/v1/status", "/health", "/"):
            assert (await http.get(urljoin(server.sse_url, path))).status_code == 404
        # A client that tries streamable HTTP first goes on to HTTP+SSE after this.
        refused = await http.post(server.sse_url, json={"jsonrpc": "2.0", "id": 1, "method": "initialize"})
        assert (refused.status_code, refused.headers["allow"]) == (405, "GET")


async def test_streamable_http_can_be_switched_off_beside_it() -> None:
    async with listening(streamable_http=False) as server:
        async with httpx2.AsyncClient() as http:
            assert (await http.post(f"{server.url}/mcp", json={})).status_code == 404
        async with talking(server.sse_url) as talk:
            assert (await talk.ask("ping"))["result"] == {}


async def test_streams_have_limits_for_a_client_and_in_all() -> None:
    async with listening(streams=2, streams_per_client=1) as server, httpx2.AsyncClient() as http:
        async with talking(server.sse_url):
            refused = await http.get(server.sse_url)
            assert (refused.status_code, refused.headers["retry-after"]) == (429, "10")
        await eventually(_has_room(server))
        async with talking(server.sse_url) as talk:
            assert (await talk.ask("ping"))["result"] == {}
    async with listening(streams=0) as server, httpx2.AsyncClient() as http:
        assert (await http.get(server.sse_url)).status_code == 503


async def test_one_client_cannot_have_more_than_so_many_requests_under_way(server: Listening) -> None:
    await server.served.call(None, "register_instance", {"instanceId": "bob", "role": "dev"})
    params = {"name": "wait_for_messages", "arguments": {"instanceId": "bob", "timeout_seconds": 60}}
    async with talking(server.sse_url) as talk:
        waits = [{"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params} for number in range(50)]
        assert [(await talk.post(waits)).status_code for _ in range(2)] == [202, 202]
        more = await talk.post({"jsonrpc": "2.0", "id": "x", "method": "ping"})
        assert more.status_code in (202, 429)


async def test_a_silent_stream_is_kept_alive_by_comments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox.Outbox.frames, "__defaults__", (0.01,))
    async with listening() as server, talking(server.sse_url) as talk:
        assert await talk.stream.line() == ": still here"


async def test_the_end_of_the_server_ends_the_stream_after_what_is_owed(server: Listening) -> None:
    await server.served.call(None, "register_instance", {"instanceId": "bob", "role": "dev"})
    params = {"name": "wait_for_messages", "arguments": {"instanceId": "bob", "timeout_seconds": 60}}
    async with talking(server.sse_url) as idle, talking(server.sse_url) as talk:
        await talk.post({"jsonrpc": "2.0", "id": "w", "method": "tools/call", "params": params})
        await eventually(_anybody_waits(server))
        server.stop()
        assert (await talk.stream.message())["id"] == "w"
        await talk.stream.end()
        await idle.stream.end()
    with anyio.fail_after(20):
        await server.ended


async def test_the_official_python_client_works_over_sse(server: Listening) -> None:
    async with sse_client(server.sse_url) as (read, write), ClientSession(read, write) as client:
        await client.initialize()
        assert (await client.list_tools()).tools[0].name == "bootstrap"
        content = (await client.call_tool("get_server_status", {})).content[0]
        assert isinstance(content, TextContent)
        assert json.loads(content.text)["environment"] == "development"
        assert (await client.call_tool("get_task", {"id": "none"})).is_error


@pytest.mark.needs_node
@pytest.mark.slow
async def test_the_inspector_works_over_sse(server: Listening, node_tools: NodeTools) -> None:
    inspector = [*node_tools.tool("mcp-inspector"), "--cli", server.sse_url, "--transport", "sse"]
    listed = await anyio.run_process([*inspector, "--method", "tools/list"], cwd=node_tools.directory)
    assert json.loads(listed.stdout)["tools"][0]["name"] == "bootstrap"


async def test_a_port_is_told_from_the_other_without_a_socket() -> None:
    async with served(sse_ports=frozenset({3449})) as site:
        assert (await site.http.get("/health")).status_code == 200
        assert (await site.http.get("http://127.0.0.1:3449/health")).status_code == 404


async def test_a_session_belongs_to_the_token_that_opened_it() -> None:
    async with listening(auth="tokens") as server, httpx2.AsyncClient() as http:
        store = server.served.dispatcher.store
        ada, bob = [bearer((await issued(store, name, instance_id=name))[1]) for name in ("ada", "bob")]
        await server.served.dispatcher.call("register_instance", {"instanceId": "ada", "role": "dev"})
        assert (await http.get(server.sse_url)).status_code == 401
        async with talking(server.sse_url, ada) as talk:
            call = {"name": "get_messages", "arguments": {}}
            body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
            assert (await talk.post(body)).status_code == 401
            assert (await talk.post(body, bob)).status_code == 404
            assert (await talk.post(body, ada)).status_code == 202
            own = (await talk.stream.message())["result"]
            assert own["isError"] is False
            call["arguments"] = {"instanceId": "bob"}
            assert (await talk.post(body, ada)).status_code == 202
            refused = (await talk.stream.message())["result"]
            assert refused["isError"] is True
            assert "speaks as ada" in refused["content"][0]["text"]


def _anybody_waits(server: Listening) -> Any:
    async def waits() -> bool:
        return bool(server.served.dispatcher.bell._waiting)

    return waits


def _nobody_waits(server: Listening) -> Any:
    async def waits_not() -> bool:
        return not server.served.dispatcher.bell._waiting

    return waits_not


def _has_room(server: Listening) -> Any:
    async def has_room() -> bool:
        return not len(server.served.site.streams)

    return has_room
