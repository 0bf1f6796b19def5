"""The bridge against servers of every temper."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import anyio
import httpx2
import pytest

from homeport.outbound.bridge import Bridge
from homeport.outbound.endpoint import Endpoint
from homeport.secret import Secret
from tests.support.waiting import eventually

Answer = httpx2.Response | Exception
ENDPOINT = Endpoint(url="http://127.0.0.1:3446/mcp", environment="development", token=Secret("hpt_a"))
CALL = {"name": "send_message", "arguments": {"to": "bob"}}


@dataclass
class Server:
    """Answers requests from a list, then with an empty result; remembers what was asked."""

    answers: list[Answer] = field(default_factory=list)
    asked: list[httpx2.Request] = field(default_factory=list)
    hold: asyncio.Event | None = None

    async def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(request)
        if self.hold is not None:
            await self.hold.wait()
        if self.answers:
            answer = self.answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer
        message = json.loads(await request.aread() or b"{}")
        if "id" not in message:
            return httpx2.Response(202 if request.method == "POST" else 405)
        return result(message["id"], {})


def result(request_id: Any, value: Any, **headers: str) -> httpx2.Response:
    body = {"jsonrpc": "2.0", "id": request_id, "result": value}
    return httpx2.Response(200, json=body, headers={"X-MCP-Environment": "development", **headers})


def stream(*messages: dict[str, Any], **headers: str) -> httpx2.Response:
    text = "".join(f"event: message\r\ndata: {json.dumps(message)}\r\n\r\n" for message in messages)
    return httpx2.Response(200, content=text, headers={"content-type": "text/event-stream", **headers})


async def carried(
    server: Server, *messages: dict[str, Any], until: Callable[[list[dict[str, Any]]], bool] | None = None
) -> list[dict[str, Any]]:
    """What the client reads after it said this."""
    lines: list[dict[str, Any]] = []

    async def write(line: bytes) -> None:
        lines.append(json.loads(line))

    async def done() -> bool:
        return until(lines) if until is not None else len(lines) >= len([one for one in messages if "id" in one])

    async with httpx2.AsyncClient(transport=httpx2.MockTransport(server)) as http:
        bridge = Bridge(http, ENDPOINT, write, lambda _: None, patience=2)
        for message in messages:
            await bridge.take(json.dumps({"jsonrpc": "2.0", **message}).encode())
        await eventually(done)
        await bridge.finish()
    return lines


def call(request_id: Any = 1, **arguments: Any) -> dict[str, Any]:
    params = {**CALL, "arguments": {**CALL["arguments"], **arguments}}  # type: ignore[dict-item]
    return {"id": request_id, "method": "tools/call", "params": params}


async def test_a_call_that_may_have_been_carried_out_is_not_repeated() -> None:
    for lost in (httpx2.ReadError("lost"), httpx2.RemoteProtocolError("lost"), httpx2.Response(502)):
        server = Server([lost])
        (answer,) = await carried(server, call())
        assert answer["id"] == 1
        assert answer["error"]["code"] == -32000
        assert len(server.asked) == 1
    assert "not known" in (await carried(Server([httpx2.ReadError("lost")]), call()))[0]["error"]["message"]


@pytest.mark.parametrize("message", [call(idempotency_key="k"), {"id": 1, "method": "tools/list"}])
async def test_what_may_be_repeated_is(message: dict[str, Any]) -> None:
    server = Server([httpx2.ReadError("lost"), httpx2.Response(504), httpx2.ConnectError("away")])
    (answer,) = await carried(server, message)
    assert answer["result"] == {}
    assert len(server.asked) == 4


async def test_what_was_certainly_not_done_is_sent_again() -> None:
    server = Server([httpx2.ConnectError("away"), httpx2.Response(503), httpx2.Response(429)])
    (answer,) = await carried(server, call())
    assert answer["result"] == {}
    assert len({request.content for request in server.asked}) == 1


async def test_notifications_before_the_answer_are_passed_on_in_order() -> None:
    told = [{"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progress": n}} for n in (1, 2)]
    done = {"jsonrpc": "2.0", "id": 1, "result": {}}
    assert await carried(Server([stream(*told, done)]), call(), until=lambda lines: len(lines) == 3) == [*told, done]


async def test_a_stream_that_ends_without_the_answer_is_an_error() -> None:
    (answer,) = await carried(Server([stream()]), call())
    assert "ended its answer" in answer["error"]["message"]
    (answer,) = await carried(Server([httpx2.Response(202)]), call())
    assert "ended its answer" in answer["error"]["message"]


INITIALIZE = b'{"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {}}'


async def test_what_initialize_agreed_on_goes_with_what_follows() -> None:
    server = Server([result(0, {"protocolVersion": "2025-06-18"}, **{"Mcp-Session-Id": "s-1"})])
    pushed = {"jsonrpc": "2.0", "method": "notifications/resources/updated", "params": {"uri": "x"}}
    lines: list[bytes] = []
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(server)) as http:
        bridge = Bridge(http, ENDPOINT, _into(lines), lambda _: None)
        await bridge.take(INITIALIZE)
        await eventually(_filled(lines, 1))
        server.answers = [httpx2.Response(202), stream(pushed)]
        await bridge.take(b'{"jsonrpc": "2.0", "method": "notifications/initialized"}')
        # The stream that a server may speak on unasked is opened, and what it says is passed on.
        await eventually(_filled(lines, 2))
        await bridge.finish()
    assert json.loads(lines[1]) == pushed
    assert [request.method for request in server.asked[:3]] == ["POST", "POST", "GET"]
    assert "Mcp-Session-Id" not in server.asked[0].headers
    for request in server.asked[1:3]:
        assert request.headers["Mcp-Session-Id"] == "s-1"
        assert request.headers["MCP-Protocol-Version"] == "2025-06-18"


async def test_a_session_that_the_server_has_forgotten_is_left_out() -> None:
    server = Server([result(0, {"protocolVersion": "2025-06-18"}, **{"Mcp-Session-Id": "s-1"})])
    lines: list[bytes] = []
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(server)) as http:
        bridge = Bridge(http, ENDPOINT, _into(lines), lambda _: None)
        await bridge.take(INITIALIZE)
        await eventually(_filled(lines, 1))
        server.answers = [httpx2.Response(404)]
        await bridge.take(json.dumps({"jsonrpc": "2.0", **call(1)}).encode())
        await eventually(_filled(lines, 2))
        await bridge.finish()
    assert json.loads(lines[1])["result"] == {}
    assert ["Mcp-Session-Id" in request.headers for request in server.asked] == [False, True, False]


async def test_a_cancelled_request_is_closed_and_older_servers_are_told() -> None:
    for older in (True, False):
        server = Server()
        lines: list[bytes] = []
        async with httpx2.AsyncClient(transport=httpx2.MockTransport(server)) as http:
            bridge = Bridge(http, ENDPOINT, _into(lines), lambda _: None)
            if older:
                server.answers = [result(0, {"protocolVersion": "2025-11-25"})]
                await bridge.take(INITIALIZE)
                await eventually(_filled(lines, 1))
            before = len(server.asked)
            server.hold = asyncio.Event()
            await bridge.take(json.dumps({"jsonrpc": "2.0", **call(7)}).encode())
            await eventually(_filled(server.asked, before + 1))
            cancel = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 7}}
            await bridge.take(json.dumps(cancel).encode())
            if older:
                await eventually(_filled(server.asked, before + 2))
            server.hold.set()
            await bridge.finish()
        assert len(server.asked) == before + (2 if older else 1)
        assert [json.loads(line)["id"] for line in lines] == ([0] if older else [])


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (httpx2.Response(401, json={"error": {"message": "Show a token."}}), "status 401"),
        (httpx2.Response(421, json={"error": {"message": "Foreign."}}), "host name (Foreign)"),
        (httpx2.Response(307, headers={"location": "https://h/mcp?secret=1"}), "give that address instead"),
        (httpx2.Response(200, content="<html>", headers={"content-type": "text/html"}), "not JSON-RPC"),
        (httpx2.Response(500, content="oops"), "it fails"),
        (httpx2.Response(200, json={}, headers={"X-MCP-Environment": "production"}), "production answers"),
    ],
)
async def test_every_refusal_is_an_answer_to_who_asked(answer: httpx2.Response, said: str) -> None:
    (line,) = await carried(Server([answer]), {"id": "a", "method": "tools/list"})
    assert line["id"] == "a"
    assert said in line["error"]["message"]
    assert "secret" not in line["error"]["message"]
    assert "hpt_a" not in json.dumps(line)


async def test_a_servers_own_error_is_passed_on_as_it_is() -> None:
    own = {"jsonrpc": "2.0", "id": 4, "error": {"code": -32601, "message": "No such method", "data": {"a": 1}}}
    assert await carried(Server([httpx2.Response(404, json=own)]), {"id": 4, "method": "no/such"}) == [own]


async def test_a_client_that_has_gone_stops_nobody() -> None:
    async def write(line: bytes) -> None:
        raise BrokenPipeError(line)

    async with httpx2.AsyncClient(transport=httpx2.MockTransport(Server())) as http:
        bridge = Bridge(http, ENDPOINT, write, lambda _: None)
        await bridge.take(b'{"jsonrpc": "2.0", "id": 0, "method": "ping"}')
        with anyio.fail_after(20):
            await bridge.finish()


def _into(lines: list[bytes]) -> Callable[[bytes], Awaitable[None]]:
    async def write(line: bytes) -> None:
        lines.append(line)

    return write


def _filled(items: list[Any], count: int) -> Callable[[], Awaitable[bool]]:
    async def filled() -> bool:
        return len(items) >= count

    return filled
