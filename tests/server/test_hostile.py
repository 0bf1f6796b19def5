"""Clients that want to bring the server down. It refuses them, and answers the others meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import httpx2
import psutil
import pytest

from homeport.operations.catalogue import CATALOGUE
from tests.support.events import opened
from tests.support.hostility import descriptors, others_are_answered, slow_connections
from tests.support.listening import listening
from tests.support.process import ServerProcess, unharmed

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

MEGABYTE: Final = 1 << 20
DEEP: Final = (b"[" * 100_000 + b"]" * 100_000, b'{"a":' * 100_000 + b"1" + b"}" * 100_000)
BODIES: Final = [one.http for one in CATALOGUE.values() if one.http.method in ("POST", "PATCH")]
CONNECTIONS: Final = 3000
MOST_MEMORY: Final = 128 * MEGABYTE
"""That an attack of a gigabyte may cost the server."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """One for all: after each attack it must be as good as before."""
    with unharmed(tmp_path_factory.mktemp("hostile") / "data") as one:
        yield one


async def sent(server: ServerProcess, head: bytes, piece: bytes, times: int) -> tuple[bytes, int]:
    """What a raw client is answered that goes on sending for as long as it may, and how much it could send."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    went = 0
    with suppress(ConnectionError):
        writer.write(head)
        for _ in range(times):
            writer.write(piece)
            await writer.drain()
            went += len(piece)
    answer = b""
    with suppress(ConnectionError):
        answer = await asyncio.wait_for(reader.read(65_536), 20)
    writer.close()
    return answer, went


@pytest.mark.parametrize("path", ["/mcp", "/api/v1/messages"])
@pytest.mark.parametrize("told", [True, False], ids=["its length told", "its length not told"])
async def test_a_body_of_100_megabytes_is_refused_early_and_takes_no_memory(
    server: ServerProcess, path: str, told: bool
) -> None:
    process = psutil.Process(server.process.pid)
    before = process.memory_info().rss
    length = f"content-length: {100 * MEGABYTE}" if told else "transfer-encoding: chunked"
    head = f"POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n{length}\r\n\r\n".encode()
    piece = b" " * MEGABYTE if told else b"100000\r\n" + b" " * MEGABYTE + b"\r\n"
    async with others_are_answered(server):
        answers = await asyncio.gather(*(sent(server, head, piece, 100) for _ in range(8)))
    assert all(went < 20 * MEGABYTE for _, went in answers)
    # Whoever still sends when the connection is closed may lose the answer on the way.
    assert all(not answer or answer.startswith(b"HTTP/1.1 413 ") for answer, _ in answers)
    assert process.memory_info().rss - before < MOST_MEMORY


async def test_a_flood_of_headers_on_many_connections_is_refused_while_others_are_answered(
    server: ServerProcess,
) -> None:
    process = psutil.Process(server.process.pid)
    before = process.memory_info().rss
    head = b"GET /health HTTP/1.1\r\nhost: localhost\r\n"
    async with others_are_answered(server):
        flood = (sent(server, head, b"x-a: y\r\n" * 1000, 10_000) for _ in range(200))
        answers = await asyncio.gather(*flood)
    assert all(went < 20 * MEGABYTE for _, went in answers)
    assert all(not answer or answer.startswith(b"HTTP/1.1 400 ") for answer, _ in answers)
    assert process.memory_info().rss - before < MOST_MEMORY


async def test_others_are_answered_while_thousands_of_connections_are_slow(server: ServerProcess) -> None:
    with descriptors(CONNECTIONS + 500):
        async with slow_connections(server, CONNECTIONS), others_are_answered(server):
            pass


@pytest.mark.parametrize("body", DEEP, ids=["lists", "objects"])
async def test_json_100000_deep_is_refused_by_each_operation_that_takes_a_body(
    server: ServerProcess, body: bytes
) -> None:
    async with httpx2.AsyncClient(timeout=20) as client:
        for place in BODIES:
            url = f"{server.url}/api/v1{place.path.replace('{', '').replace('}', '')}"
            for content in (body, b'{"metadata":' + body + b"}"):
                answer = await client.request(place.method, url, content=content)
                assert answer.status_code == 400, (place, answer.text)
                assert "body" in answer.json()["error"]["message"]


async def test_json_without_end_in_a_query_is_refused_by_each_operation(server: ServerProcess) -> None:
    async with httpx2.AsyncClient(timeout=20) as client:
        for place in (one.http for one in CATALOGUE.values() if one.http.method == "GET"):
            url = f"{server.url}/api/v1{place.path.replace('{', '').replace('}', '')}"
            deep = {"limit": "[" * 15_000, "cursor": "W1tb" * 5_000}
            assert (await client.get(url, params=deep)).status_code == 400, place


@pytest.mark.parametrize("body", DEEP, ids=["lists", "objects"])
async def test_json_100000_deep_is_refused_by_the_message_endpoint_of_sse_and_the_stream_goes_on(body: bytes) -> None:
    ping: dict[str, Any] = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    async with listening() as one, httpx2.AsyncClient() as client, opened(client, one.sse_url) as stream:
        _, endpoint = await stream.event()
        url = httpx2.URL(one.sse_url).join(endpoint)
        wrapped = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":' + body + b"}"
        for content in (body, wrapped):
            answer = await client.post(url, content=content, headers={"content-type": "application/json"})
            assert answer.status_code == 400
        assert (await client.post(url, json=ping)).status_code == 202
        assert (await stream.message())["id"] == 1
        assert "traceback" not in str(one.served.logged())


def test_the_bodies_that_were_refused_left_nothing_behind(server: ServerProcess, tmp_path: Path) -> None:
    assert server.get("/api/v1/tasks").json()["total"] == 0
    assert server.get("/api/v1/projects").json()["total"] == 0
