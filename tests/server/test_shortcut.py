"""The short way of a request gives what uvicorn's own way gives, byte by byte."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import anyio
import pytest
import uvicorn

from homeport.server.connection import BoundedConnection
from homeport.transports import exchange as exchange_module
from homeport.transports.exchange import SHORTCUT, Exchange, Header, Receive, Scope, Send
from tests.support.ports import free_ports

App = Callable[[Scope, Receive, Send], Awaitable[None]]
ENVIRONMENT: Final = (b"x-mcp-environment", b"test")
HEADS: Final[dict[str, bytes]] = {
    "get": b"GET /a HTTP/1.1\r\nhost: localhost\r\n\r\n",
    "head": b"HEAD /a HTTP/1.1\r\nhost: localhost\r\n\r\n",
    "post": b"POST /a HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\n\r\nhello",
    "close": b"POST /a HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 5\r\n\r\nhello",
    "old": b"GET /a HTTP/1.0\r\nhost: localhost\r\n\r\n",
    "old, kept": b"POST /a HTTP/1.0\r\nconnection: keep-alive\r\ncontent-length: 5\r\n\r\nhello",
    "chunked": b"POST /a HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "large": b"POST /a HTTP/1.1\r\nhost: localhost\r\ncontent-length: 900000\r\n\r\n" + b"a" * 900_000,
    "two at once": b"GET /a HTTP/1.1\r\nhost: localhost\r\n\r\n" * 2,
    "expecting": b"POST /a HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\nhello",
}


class Plain(BoundedConnection):
    """The same without the short way."""

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        del self.scope["extensions"]


def answering(
    headers: tuple[Header, ...] = (), status: int = 200, seen: list[dict[str, Any]] | None = None, size: int = 20
) -> App:
    """An application that answers with what it was sent."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        one = Exchange(scope, receive, send, "the-id", ENVIRONMENT)
        body = await one.body() if one.method == "POST" else b""
        with suppress(RuntimeError):
            await one.respond(status, b"%d %s" % (len(body), body[:size]), b"text/plain", headers)
        if seen is not None:
            cycle = receive.__self__  # type: ignore[attr-defined]  # uvicorn's record of the request
            kept = ("response_started", "response_complete", "keep_alive", "waiting_for_100_continue", "body")
            after = {name: getattr(cycle, name) for name in kept}
            seen.append({**after, "next": await receive(), "shortened": SHORTCUT in scope.get("extensions", {})})

    return app


@asynccontextmanager
async def served_by(app: App, connection: type[BoundedConnection]) -> AsyncIterator[tuple[int, uvicorn.Server]]:
    (port,) = free_ports(1)
    config = uvicorn.Config(
        app, port=port, loop="none", http=connection, lifespan="off", log_config=None, access_log=False
    )
    server = uvicorn.Server(config)
    ended = asyncio.create_task(server._serve())
    while not server.started:
        await anyio.lowlevel.checkpoint()
    try:
        yield port, server
    finally:
        server.should_exit = True
        await ended


async def told(port: int, sent: bytes) -> bytes:
    """All answers until the server closes, or has no more to say to one who says no more."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    answer = bytearray()
    expected = sent.count(b"HTTP/1.")
    with anyio.fail_after(20):
        while piece := await reader.read(65_536):
            answer += piece
            if len(re.findall(rb"HTTP/1.1 [2-5]", answer)) == expected and _is_whole(bytes(answer), sent):
                break
    writer.close()
    return re.sub(rb"date: [^\r]*", b"date: now", bytes(answer))


def _is_whole(answer: bytes, sent: bytes) -> bool:
    head, _, body = answer.rpartition(b"HTTP/1.1 ")[2].partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head)
    return sent.startswith(b"HEAD") or length is None or len(body) >= int(length[1])


@pytest.mark.parametrize("sent", HEADS.values(), ids=HEADS)
@pytest.mark.parametrize("status", [200, 202, 404])
async def test_a_response_in_one_piece_is_uvicorns_own(sent: bytes, status: int) -> None:
    answers, records = [], []
    for connection in (BoundedConnection, Plain):
        seen: list[dict[str, Any]] = []
        app = answering(((b"x-more", b"a\tb \xe4"),), status, seen)
        async with served_by(app, connection) as (port, _):
            answers.append(await told(port, sent))
            while len(seen) < sent.count(b"HTTP/1."):
                await anyio.lowlevel.checkpoint()
        assert [one.pop("shortened") for one in seen] == [connection is BoundedConnection] * len(seen)
        records.append(seen)
    if sent == HEADS["expecting"]:
        # What has arrived need not be asked for (RFC 9110, 10.1.1).
        answers[1] = answers[1].removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
    assert answers[0] == answers[1]
    assert records[0] == records[1]
    assert answers[0].startswith(b"HTTP/1.1 %d " % status)


async def test_the_short_way_is_taken_where_everything_is_plain() -> None:
    taken: list[object] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        short = scope["extensions"][SHORTCUT]
        taken.extend((short.body(), short.body(), short.respond(200, [(b"content-length", b"2")], b"ok")))
        taken.append(short.respond(200, [(b"content-length", b"2")], b"ok"))

    async with served_by(app, BoundedConnection) as (port, _):
        assert (await told(port, HEADS["post"])).endswith(b"\r\n\r\nok")
    assert taken == [b"hello", None, True, False]


@pytest.mark.parametrize(
    "header",
    [
        (b"x-a", b"b\r\nx-forged: 1"),
        (b"x-a", b"b\nc"),
        (b"x-a", b"b\0"),
        (b"x-a", b"\x7f"),
        (b"connection", b"close"),
        (b"connection", b"keep-alive"),
    ],
)
async def test_a_header_that_is_not_plain_goes_the_usual_way(header: Header) -> None:
    answers = []
    for connection in (BoundedConnection, Plain):
        async with served_by(answering((header,)), connection) as (port, _):
            answers.append(await told(port, HEADS["close"]))
    assert answers[0] == answers[1]
    assert b"x-forged" not in answers[0]


async def test_a_server_that_ends_says_so_on_the_short_way_too() -> None:
    async with served_by(answering(), BoundedConnection) as (port, server):
        server.server_state.default_headers = [(b"connection", b"close")]
        assert b"\r\nconnection: close\r\n" in await told(port, HEADS["post"])


async def test_a_body_that_comes_in_pieces_is_waited_for_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    async with served_by(answering(), BoundedConnection) as (port, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HEADS["close"][:-3])
        await writer.drain()
        writer.write(HEADS["close"][-3:])
        with anyio.fail_after(20):
            assert (await reader.read()).endswith(b"5 hello")
        writer.close()
    monkeypatch.setattr(exchange_module, "BODY_SECONDS", 0.05)
    refusals: list[int] = []

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        one = Exchange(scope, receive, send, "the-id", ENVIRONMENT)
        try:
            await one.body()
        except exchange_module.BodyRefusedError as error:
            refusals.append(error.status)
            await one.respond(error.status, b"", headers=[(b"connection", b"close")])

    async with served_by(slow, BoundedConnection) as (port, _):
        assert (await told(port, HEADS["post"][:-3])).startswith(b"HTTP/1.1 408 ")
        await told(port, HEADS["post"].replace(b": 5", b": 1100000", 1) + b"a" * 1_100_000)
    assert refusals == [408, 413]


async def test_a_client_that_does_not_read_is_not_written_for_without_end() -> None:
    """Its answers wait for it, as uvicorn has them wait."""
    paused: list[bool] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        one = Exchange(scope, receive, send, "the-id", ENVIRONMENT)
        cycle = receive.__self__  # type: ignore[attr-defined]
        paused.append(cycle.flow.write_paused)
        await one.respond(200, b"a" * 500_000)

    async with served_by(app, BoundedConnection) as (port, server):
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 16)
        writer.write(HEADS["get"] * 60)
        with anyio.fail_after(20):
            while not any(paused):
                await anyio.lowlevel.checkpoint()
            waiting = len(paused)
            for _ in range(200):
                await anyio.lowlevel.checkpoint()
            assert len(paused) == waiting < 60
            got = 0
            while got < 60 * 500_000:
                got += len(await reader.read(1 << 20))
        writer.close()
        assert len(paused) == 60
        assert server.started
