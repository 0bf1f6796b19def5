"""The end of a server: no request that it took fails."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

import anyio
import httpx2
import pytest

from tests.support.listening import Listening, listening
from tests.support.waiting import eventually

Condition = Callable[[], Awaitable[bool]]


@pytest.fixture
async def server() -> AsyncIterator[Listening]:
    """A server on a port of its own, with an instance that can wait."""
    async with listening() as one:
        await one.served.call(None, "register_instance", {"instanceId": "bob", "role": "dev"})
        yield one


async def closed(writer: asyncio.StreamWriter) -> None:
    """Closes a connection, and waits for it: what is left to the collector warns in some later test."""
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()


def wait_body(seconds: float) -> bytes:
    """A call that takes as long as it may."""
    params = {"name": "wait_for_messages", "arguments": {"instanceId": "bob", "timeout_seconds": seconds}}
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).encode()


async def test_a_wait_is_answered_at_once_and_its_connection_closed(server: Listening) -> None:
    async with httpx2.AsyncClient() as client:
        headers = {"content-type": "application/json"}
        request = asyncio.create_task(client.post(f"{server.url}/mcp", content=wait_body(60), headers=headers))
        await eventually(_waits(server))
        server.stop()
        with anyio.fail_after(20):
            response = await request
            await server.ended
    assert response.status_code == 200
    assert "result" in response.json()
    assert response.headers["connection"] == "close"


async def test_a_request_on_an_idle_connection_is_still_answered_and_told_to_close(server: Listening) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    for draining in (False, True):
        if draining:
            server.stop()
            await eventually(_refuses(server))
        writer.write(b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200")
        assert (b"connection: close" in head) == draining
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        await reader.readexactly(length)
    with anyio.fail_after(20):
        await server.ended
    await closed(writer)


async def test_bytes_that_are_no_request_are_told_so_by_the_environment(server: Listening) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"nonsense\r\n\r\n")
    answer = await reader.read()
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"\r\nx-mcp-environment: development\r\n" in answer
    await closed(writer)


async def test_without_connections_it_ends_at_once(server: Listening) -> None:
    server.stop()
    with anyio.fail_after(0.9):
        await server.ended


async def test_an_idle_connection_does_not_keep_it(server: Listening) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    server.stop()
    with anyio.fail_after(20):
        await server.ended
        assert await reader.read() == b""
    await closed(writer)


async def test_a_body_that_is_still_arriving_is_waited_for(server: Listening) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    body = wait_body(0)
    head = ["POST /mcp HTTP/1.1", "host: localhost", "content-type: application/json", f"content-length: {len(body)}"]
    writer.write("\r\n".join([*head, "", ""]).encode() + body[:10])
    await eventually(_reads(server))
    server.stop()
    await eventually(_refuses(server))
    writer.write(body[10:])
    with anyio.fail_after(20):
        answer = await reader.read()
        await server.ended
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"connection: close" in answer
    await closed(writer)


def _waits(server: Listening) -> Condition:
    async def waits() -> bool:
        return bool(server.served.dispatcher.bell._waiting)

    return waits


def _reads(server: Listening) -> Condition:
    async def reads() -> bool:
        return bool(server.server.server_state.tasks)

    return reads


def _refuses(server: Listening) -> Condition:
    async def refuses() -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        except ConnectionRefusedError:
            return True
        except ConnectionResetError:
            # It stood in the queue of a listener that was closed just then.
            return False
        await closed(writer)
        return False

    return refuses
