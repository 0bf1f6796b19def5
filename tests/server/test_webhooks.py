"""Webhooks: signed, in order, once where all goes well, again where it does not, parked when nobody answers."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest

from homeport.coordination.webhooks import BACKOFF
from homeport.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from homeport.operations.caller import Caller
from homeport.server.posting import Poster
from homeport.server.webhooks import WebhookSender
from homeport.transports.log import Log
from tests.support.desk import Desk
from tests.support.ports import free_ports
from tests.support.waiting import eventually


@dataclass
class Receiver:
    """Takes calls, and answers with the statuses that the test gives it; 204 when there is none left."""

    statuses: list[int] = field(default_factory=list)
    calls: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    async def post(self, url: str, body: bytes, headers: dict[str, str]) -> int:
        """Takes a call."""
        assert url == "https://example.test/hook"
        self.calls.append((headers, body))
        status = self.statuses.pop(0) if self.statuses else 204
        if status == 0:
            raise ConnectionError("nobody listens")
        return status

    def subjects(self) -> list[Any]:
        """What the accepted and refused calls were about."""
        return [json.loads(body)["data"]["subject"] for _, body in self.calls]


@asynccontextmanager
async def sending(desk: Desk, receiver: Receiver) -> AsyncIterator[WebhookSender]:
    """A sender that runs."""
    sender = WebhookSender(desk.store, "development", receiver.post, lambda: desk.now, Log("development", "json"))
    task = asyncio.create_task(sender.run())
    try:
        yield sender
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _hook(desk: Desk, **arguments: Any) -> dict[str, Any]:
    answer = await desk.call("create_webhook", url="https://example.test/hook", **arguments)
    webhook: dict[str, Any] = answer["webhook"]
    return webhook


async def _listed(desk: Desk) -> dict[str, Any]:
    listed: dict[str, Any] = (await desk.call("list_webhooks"))["webhooks"][0]
    return listed


async def _task(desk: Desk, name: str) -> None:
    await desk.call("create_task", id=name, title=name, description="")


async def test_a_call_is_signed_as_the_standard_says(desk: Desk) -> None:
    secret = (await _hook(desk))["secret"]
    receiver = Receiver()
    async with sending(desk, receiver):
        await _task(desk, "one")
        await eventually(lambda: _true(receiver.calls))
    headers, body = receiver.calls[0]
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert json.loads(body)["type"] == "task.created"
    assert json.loads(body)["environment"] == "development"


async def test_the_position_in_a_call_is_the_feeds_own(desk: Desk) -> None:
    for name in ("ada", "bob"):
        await desk.join(name)
    await _hook(desk, kinds=["message.sent"])
    receiver = Receiver()
    async with sending(desk, receiver):
        await desk.call("send_message", to="bob", from_="ada", subject="Hello", content="I am here.")
        await eventually(lambda: _true(receiver.calls))
    headers, body = receiver.calls[0]
    last = await desk.store.read(lambda records: records.events.last())
    assert json.loads(body)["data"]["seq"] <= last
    assert headers["webhook-id"].endswith(f"-{json.loads(body)['data']['seq']}")


async def test_events_come_in_order_and_only_of_the_kinds_wanted(desk: Desk) -> None:
    await _hook(desk, kinds=["task"])
    receiver = Receiver()
    async with sending(desk, receiver):
        for name in ("one", "two", "three"):
            await _task(desk, name)
            await desk.join(f"instance-{name}")
        await eventually(lambda: _true(len(receiver.calls) == 3))
        await eventually(lambda: _behind(desk, 0))
    assert receiver.subjects() == ["one", "two", "three"]


async def test_what_is_refused_is_tried_again_later_and_nothing_overtakes_it(desk: Desk) -> None:
    await _hook(desk)
    receiver = Receiver([500, 0])
    async with sending(desk, receiver) as sender:
        await _task(desk, "one")
        await _task(desk, "two")
        await eventually(lambda: _state(desk, "retrying"))
        assert receiver.subjects() == ["one"]
        for _ in range(2):
            desk.later(1)
            sender._news.set()
            await eventually(lambda: _true(len(receiver.calls) > 1))
        await eventually(lambda: _behind(desk, 0))
    assert receiver.subjects() == ["one", "one", "one", "two"]


async def test_a_dead_receiver_is_parked_reported_and_resumed_without_loss(desk: Desk) -> None:
    webhook = await _hook(desk)
    receiver = Receiver([0] * (len(BACKOFF) + 1))
    async with sending(desk, receiver) as sender:
        await _task(desk, "one")
        for attempts in range(1, len(BACKOFF) + 2):
            await eventually(partial(_failed, desk, attempts))
            desk.later(121)
            sender._news.set()
        parked = await _listed(desk)
        assert parked["state"] == "parked"
        assert parked["last_error"] == "ConnectionError: nobody listens"
        assert (await desk.call("get_server_status"))["webhooks_parked"] == [webhook["id"]]
        await desk.call("resume_webhook", id=webhook["id"])
        sender._news.set()
        await eventually(lambda: _behind(desk, 0))
    assert receiver.subjects()[-1] == "one"


async def test_a_new_sender_goes_on_where_the_last_one_stopped(desk: Desk) -> None:
    await _hook(desk)
    receiver = Receiver()
    async with sending(desk, receiver):
        await _task(desk, "one")
        await eventually(lambda: _behind(desk, 0))
    await _task(desk, "two")
    async with sending(desk, receiver):
        await eventually(lambda: _behind(desk, 0))
    assert receiver.subjects() == ["one", "two"]


async def test_a_deleted_webhook_is_told_nothing_more(desk: Desk) -> None:
    webhook = await _hook(desk)
    await desk.call("delete_webhook", id=webhook["id"])
    receiver = Receiver()
    async with sending(desk, receiver):
        await _task(desk, "one")
        with pytest.raises(NotFoundError):
            await desk.call("resume_webhook", id=webhook["id"])
    assert receiver.calls == []


async def test_the_secret_is_shown_once(desk: Desk) -> None:
    secret = (await _hook(desk))["secret"]
    stored = await desk.store.read(lambda records: records.webhooks.all())
    assert secret not in repr(stored)
    assert "secret" not in await _listed(desk)


@pytest.mark.parametrize(
    "url",
    ["ftp://x/y", "x", "https://", "http://user:pw@host/", "http://host:99999/", "https://ho st/", "https://hö.st/"],
)
async def test_an_address_that_cannot_be_is_refused(desk: Desk, url: str) -> None:
    with pytest.raises(InvalidError, match="url: "):
        await desk.call("create_webhook", url=url)


async def test_there_are_not_more_than_can_be_told(desk: Desk) -> None:
    for _ in range(100):
        await _hook(desk)
    with pytest.raises(ConflictError, match="There are 100 webhooks"):
        await _hook(desk)


@pytest.mark.parametrize("name", ["create_webhook", "list_webhooks", "resume_webhook", "delete_webhook"])
async def test_only_admins_manage_webhooks(desk: Desk, name: str) -> None:
    with pytest.raises(ForbiddenError, match="needs a token of scope admin"):
        await desk.dispatcher.call(name, {}, Caller("w", "write"))


async def test_posting_really_posts_and_says_when_nobody_listens() -> None:
    got: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got.append(await reader.readuntil(b"hello"))
        writer.write(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    port, closed = free_ports(2)
    poster = Poster()
    async with await asyncio.start_server(answer, "127.0.0.1", port):
        assert await poster.post(f"http://127.0.0.1:{port}/hook", b"hello", {"webhook-id": "x"}) == 202
    with pytest.raises(OSError, match=r".+"):
        await poster.post(f"http://127.0.0.1:{closed}/hook", b"hello", {})
    await poster.close()
    assert got[0].startswith(b"POST /hook HTTP/1.1")
    assert b"webhook-id: x" in got[0]


async def _true(condition: object) -> bool:
    return bool(condition)


async def _behind(desk: Desk, count: int) -> bool:
    return bool((await _listed(desk))["behind"] == count)


async def _state(desk: Desk, state: str) -> bool:
    return bool((await _listed(desk))["state"] == state)


async def _failed(desk: Desk, times: int) -> bool:
    return bool((await _listed(desk)).get("failures") == times)
