"""What a connection may cost before a request of it can be judged: bytes, seconds, descriptors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import anyio
import pytest

from homeport.server.connection import MAX_HEAD, BoundedConnection
from tests.support.listening import Listening, listening
from tests.support.waiting import eventually

HEAD = b"GET / HTTP/1.1\r\nhost: localhost\r\n"


@pytest.fixture
async def server() -> AsyncIterator[Listening]:
    async with listening() as one:
        yield one


async def told(server: Listening, sent: bytes) -> bytes:
    """All that a connection answers until the server closes it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    with suppress(ConnectionError):
        writer.write(sent)
        await writer.drain()
    answer = bytearray()
    with anyio.fail_after(20), suppress(ConnectionError):
        while piece := await reader.read(65_536):
            answer += piece
    writer.close()
    return bytes(answer)


@pytest.mark.parametrize(
    "sent",
    [
        HEAD + b"x: " + b"a" * (2 * MAX_HEAD) + b"\r\n\r\n",
        HEAD + b"".join(b"x%d: y\r\n" % number for number in range(12_000)) + b"\r\n",
        HEAD + b"x:\r\n" * 3000 + b"\r\n",
        HEAD + b"".join(b"x%d: %s\r\n" % (number, b"y" * 900) for number in range(100)) + b"\r\n",
        b"GET /" + b"a" * (2 * MAX_HEAD) + b" HTTP/1.1\r\nhost: localhost\r\n\r\n",
    ],
    ids=["one header", "many headers", "tiny headers", "one piece", "the path"],
)
async def test_a_head_without_end_is_refused_and_does_not_stop_the_others(server: Listening, sent: bytes) -> None:
    with anyio.fail_after(20):
        answer = await told(server, sent)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert f"over {MAX_HEAD} bytes".encode() in answer
    assert (await told(server, HEAD + b"connection: close\r\n\r\n")).startswith(b"HTTP/1.1 200 ")


async def test_a_large_head_within_the_limit_is_answered(server: Listening) -> None:
    answer = await told(server, HEAD + b"connection: close\r\nx: " + b"a" * (MAX_HEAD - 200) + b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 ")


async def test_a_body_that_nobody_reads_is_no_head(server: Listening) -> None:
    body = b"x" * (4 * MAX_HEAD)
    first = b"POST /none HTTP/1.1\r\nhost: localhost\r\ncontent-length: %d\r\n\r\n" % len(body) + body
    answer = await told(server, first + HEAD + b"connection: close\r\n\r\n")
    assert answer.count(b"HTTP/1.1 ") == 2
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert b"HTTP/1.1 200 " in answer


async def test_a_thousand_pipelined_requests_are_all_answered_in_order(server: Listening) -> None:
    requests = [HEAD + b"x-request-id: r%d\r\n\r\n" % number for number in range(999)]
    answer = await told(server, b"".join(requests) + HEAD + b"connection: close\r\nx-request-id: r999\r\n\r\n")
    ids = [line.split(b": ")[1] for line in answer.split(b"\r\n") if line.startswith(b"x-request-id: ")]
    assert ids == [b"r%d" % number for number in range(1000)]


async def test_a_thousand_connections_that_never_finish_a_head_are_let_go(
    server: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BoundedConnection, "head_seconds", 0.5)
    beginnings = (b"", b"G", b"\r\n", HEAD)
    writers = []
    for number in range(1000):
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(beginnings[number % len(beginnings)])
        writers.append(writer)

    async def nobody_is_left() -> bool:
        return not server.server.server_state.connections

    assert (await told(server, HEAD + b"connection: close\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
    await eventually(nobody_is_left)
    for writer in writers:
        writer.close()


async def test_a_client_that_sends_a_byte_now_and_then_does_not_hold_its_connection(
    server: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BoundedConnection, "head_seconds", 0.2)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(HEAD)

    async def is_closed() -> bool:
        with suppress(ConnectionError):
            writer.write(b"x")
        return reader.at_eof() or reader.exception() is not None

    ended = asyncio.create_task(reader.read())
    await eventually(is_closed)
    with suppress(ConnectionError):
        await ended
    writer.close()
