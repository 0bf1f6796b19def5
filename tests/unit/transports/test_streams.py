"""A stream whose reader may read no more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from homeport.errors import UnauthorizedError
from homeport.transports import exchange as exchange_module
from homeport.transports.exchange import Exchange, Message, environment_header
from homeport.transports.streams import stream


class Revoked:
    """A standing that ends when it is told to."""

    def __init__(self) -> None:
        self.over = asyncio.Event()

    async def lapsed(self) -> UnauthorizedError:
        await self.over.wait()
        return UnauthorizedError("It was revoked.")


async def one_chunk_and_no_end() -> AsyncIterator[bytes]:
    yield b"data: x\n\n"
    await asyncio.Event().wait()


async def never() -> Message:
    await asyncio.Event().wait()
    raise AssertionError


async def test_a_reader_that_has_stopped_reading_is_let_go_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange_module, "FINISH_SECONDS", 0.01)
    standing = Revoked()
    taken: list[Message] = []

    async def stalled(message: Message) -> None:
        taken.append(message)
        if message["type"] == "http.response.body":
            standing.over.set()
            await asyncio.Event().wait()

    scope = {"method": "GET", "path": "/x", "headers": []}
    exchange = Exchange(scope, never, stalled, "r", environment_header("development"))
    exchange.standing = standing
    async with asyncio.timeout(30):
        await stream(exchange, one_chunk_and_no_end())
    assert exchange.error == "unauthorized"
    assert [one.get("body") for one in taken] == [None, b"data: x\n\n", b""]
