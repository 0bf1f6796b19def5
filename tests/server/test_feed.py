"""The event feed: every event once, in order, from any position, to those whom it concerns."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest

from homeport.operations.caller import Caller
from homeport.transports import feed as feed_module
from homeport.transports.feed import FeedEndpoint
from tests.support.desk import Desk
from tests.support.listening import Listening, listening

Frame = dict[str, str]


@asynccontextmanager
async def following(
    server: Listening, query: str = "", headers: dict[str, str] | None = None
) -> AsyncIterator[AsyncIterator[Frame]]:
    """The frames of a stream, without comments and the retry time."""
    async with (
        httpx2.AsyncClient(timeout=20) as client,
        client.stream("GET", f"{server.url}/api/v1/events{query}", headers=headers) as response,
    ):
        assert response.status_code == 200
        assert response.headers["content-type"] == "text/event-stream"
        assert response.headers["x-accel-buffering"] == "no"
        lines = response.aiter_lines()
        assert await anext(lines) == "retry: 1000"
        yield _frames(lines)


async def _frames(lines: AsyncIterator[str]) -> AsyncIterator[Frame]:
    frame: Frame = {}
    async for line in lines:
        if line:
            name, _, value = line.partition(": ")
            frame[name] = value
        elif "data" in frame:
            yield frame
            frame = {}


async def _task(server: Listening, name: str) -> None:
    arguments = {"id": name, "title": name, "description": ""}
    await server.served.dispatcher.call("create_task", arguments)


def _shown(frame: Frame) -> dict[str, Any]:
    shown: dict[str, Any] = json.loads(frame["data"])
    return shown


async def test_what_happens_is_told_as_it_happens() -> None:
    async with listening() as server, following(server) as frames:
        await _task(server, "one")
        frame = await anext(frames)
    assert frame["event"] == "task.created"
    assert _shown(frame)["subject"] == "one"
    assert frame["id"] == str(_shown(frame)["seq"])


async def test_a_reader_that_comes_again_misses_nothing() -> None:
    async with listening() as server:
        async with following(server) as frames:
            await _task(server, "one")
            last = (await anext(frames))["id"]
        for name in ("two", "three"):
            await _task(server, name)
        async with following(server, headers={"Last-Event-ID": last}) as frames:
            assert [_shown(await anext(frames))["subject"] for _ in range(2)] == ["two", "three"]
        async with following(server, "?after=0") as frames:
            assert [_shown(await anext(frames))["subject"] for _ in range(3)] == ["one", "two", "three"]


async def test_kinds_choose_what_is_told() -> None:
    async with listening() as server, following(server, "?kinds=instance,task.claimed") as frames:
        await _task(server, "one")
        await server.served.dispatcher.call("register_instance", {"instanceId": "a", "role": "r"})
        await server.served.dispatcher.call("claim_task", {"id": "one", "instanceId": "a"})
        assert [(await anext(frames))["event"] for _ in range(2)] == ["instance.registered", "task.claimed"]


async def test_the_end_of_the_server_ends_the_stream() -> None:
    async with listening() as server, following(server) as frames:
        server.stop()
        with pytest.raises(StopAsyncIteration):
            await anext(frames)


@pytest.mark.parametrize(
    "query",
    [
        *("?after=x", "?after=-1", "?after=99999999999999999999", "?since=1"),
        pytest.param(f"?after={'9' * 5000}", id="more digits than Python reads"),
    ],
)
async def test_a_position_that_is_none_is_refused(query: str) -> None:
    async with listening() as server, httpx2.AsyncClient() as client:
        response = await client.get(f"{server.url}/api/v1/events{query}")
    assert response.status_code == 400
    assert response.json()["error"]["hint"]


async def test_one_caller_cannot_take_all_the_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "MAX_STREAMS_EACH", 1)
    async with listening() as server, following(server), httpx2.AsyncClient() as client:
        response = await client.get(f"{server.url}/api/v1/events")
        assert response.status_code == 429
        assert "1 of your streams" in response.json()["error"]["message"]


async def test_who_speaks_as_one_instance_is_told_of_its_own_messages_alone(desk: Desk) -> None:
    await desk.join("a", "b", "c")
    start = await desk.dispatcher.feed.last()
    await desk.call("send_message", to="a,b", from_="c", subject="S", content="x")
    await desk.call("send_message", to="b", from_="c", subject="S", content="x")
    chunks = FeedEndpoint(desk.dispatcher.feed)._chunks(start, frozenset({"message"}), Caller("t", "read", "a"))
    assert await anext(chunks) == b"retry: 1000\n\n"
    text = (await anext(chunks)).decode()
    assert text.count("data: ") == 1
    assert '"audience":["a"]' in text


async def test_many_followers_read_each_event_from_the_store_at_most_once(desk: Desk) -> None:
    start = await desk.dispatcher.feed.last()
    streams = [desk.dispatcher.feed.follow(start, 10.0) for _ in range(50)]
    told = [asyncio.ensure_future(anext(stream)) for stream in streams]
    await desk.call("create_task", id="t", title="T", description="")
    assert {events[0].subject for events in await asyncio.gather(*told)} == {"t"}
