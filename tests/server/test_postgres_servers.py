"""Servers of one environment on one database: each is told what the other wrote, one goes on where another died."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path

import httpx2
import pytest

from homeport.contract import DatabaseAddress
from tests.server.test_deferred_calls import CAPABILITIES, DECLARED
from tests.support.events import opened
from tests.support.load import callers
from tests.support.postgres import Cluster
from tests.support.process import ServerProcess, server_process, starting
from tests.support.site import modern, read
from tests.support.stores import fill
from tests.support.waiters import Waiter
from tests.support.waiting import eventually, until

BACKED_UP = "2026-11-25T12:00:00+00:00"
pytestmark = [pytest.mark.needs_postgres, pytest.mark.slow, pytest.mark.timeout(180)]


@dataclass
class Pair:
    """Two servers on one database."""

    a: ServerProcess
    b: ServerProcess
    address: DatabaseAddress


@contextmanager
def two(postgres: Cluster, directory: Path) -> Iterator[Pair]:
    """Two servers with directories of their own, and two agents."""
    address = postgres.create(tcp=True, template=postgres.template("filled", fill))
    for name in ("a", "b"):
        (directory / name).mkdir()
    # One machine makes the backups.
    (directory / "backups.json").write_text(json.dumps({"last_backup": BACKED_UP, "last_drill": None, "proven": False}))
    more = {"state_file": str(directory / "backups.json")}
    with (
        starting(directory / "a", database=address, more=more) as a,
        server_process(directory / "b", database=address) as b,
    ):
        until(a.healthy, within=30)
        for name in ("ada", "bob"):
            a.call("register_instance", instanceId=name, role="dev")
        yield Pair(a, b, address)
    postgres.drop(address)


@pytest.fixture(scope="module")
def pair(postgres: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Two servers that live as long as the tests here."""
    with two(postgres, tmp_path_factory.mktemp("pair")) as servers:
        yield servers


@dataclass
class Called:
    """Who counts the calls of a webhook, by the number of the event."""

    port: int
    seen: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where it is called."""
        return f"http://127.0.0.1:{self.port}/"


@contextmanager
def receiver() -> Iterator[Called]:
    """An address that takes webhooks."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            called.seen.append(str(body["data"].get("subject")))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """The test's output is not the place."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        called = Called(server.server_port)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield called
        finally:
            server.shutdown()


def send(server: ServerProcess, subject: str, to: str = "ada") -> str:
    """Sends a message; its id."""
    sent = server.call("send_message", to=to, from_="bob", subject=subject, content="c", idempotency_key=subject)
    return str(sent["message"]["id"])


async def test_an_agent_that_waits_at_one_server_is_told_once_of_what_another_wrote(pair: Pair) -> None:
    ada = Waiter("ada")
    async with callers(pair.a.port, 1) as (caller,):
        await ada.wait(caller)
        for number in range(3):
            waiting = asyncio.create_task(ada.wait(caller))
            await asyncio.to_thread(send, pair.b, f"m-{number}")
            async with asyncio.timeout(30):
                await waiting
    assert ada.told == ["m-0", "m-1", "m-2"]


async def test_a_retry_at_another_server_does_its_work_once(pair: Pair) -> None:
    async with callers(pair.a.port, 4) as ones, callers(pair.b.port, 4) as others:
        message = {"to": "ada", "from": "bob", "subject": "s", "content": "c", "idempotency_key": "k"}
        answers = await asyncio.gather(*(one.call("send_message", **message) for one in (*ones, *others)))
        assert len({answer["message"]["id"] for answer in answers}) == 1
        await ones[0].call("create_task", id="t", title="T", description="d")
        claims = await asyncio.gather(
            *(
                one.ask("claim_task", id="t", instanceId=name)
                for one, name in zip((*ones, *others), ("ada", "bob") * 4, strict=True)
            )
        )
        holders = {answer["result"]["data"]["task"]["assigned_to"] for answer in claims if "result" in answer}
        assert len(holders) == 1


async def test_the_feed_goes_on_at_another_server_after_the_last_event(pair: Pair) -> None:
    async with httpx2.AsyncClient(timeout=20) as http:

        async def read(server: ServerProcess, count: int, last: str | None) -> list[str]:
            ids: list[str] = []
            headers = {} if last is None else {"last-event-id": last}
            async with http.stream("GET", f"{server.url}/api/v1/events?after=0", headers=headers) as stream:
                async for line in stream.aiter_lines():
                    if line.startswith("id: "):
                        ids.append(line.removeprefix("id: "))
                    if len(ids) == count:
                        return ids
            raise AssertionError("the stream has ended")

        await asyncio.to_thread(send, pair.a, "one")
        everything = await read(pair.a, 3, None)
        await asyncio.to_thread(send, pair.a, "two")
        assert await read(pair.b, 1, everything[-1]) == await read(pair.a, 1, everything[-1])


async def test_waits_and_webhooks_go_on_at_another_server_when_one_is_killed(postgres: Cluster, tmp_path: Path) -> None:
    with two(postgres, tmp_path) as pair, receiver() as called:
        pair.a.call("create_webhook", url=called.url, kinds=["message.sent"])
        ada = Waiter("ada")
        async with callers(pair.a.port, 1) as (first,), callers(pair.b.port, 1) as (second,):
            await ada.wait(first)
            sent = [await asyncio.to_thread(send, (pair.a, pair.b)[number % 2], f"m-{number}") for number in range(6)]
            await ada.wait(first)
            await asyncio.to_thread(until, lambda: len(called.seen) >= len(sent), within=30)
            assert called.seen == sent
            waiting = asyncio.create_task(ada.wait(first))
            await asyncio.to_thread(until, lambda: "homeport_waiting_agents 1.0" in pair.a.get("/metrics").text)
            pair.a.kill()
            with pytest.raises(OSError, match="no answer"):
                await waiting
            waiting = asyncio.create_task(ada.wait(second))
            last = await asyncio.to_thread(send, pair.b, "last")
            async with asyncio.timeout(20):
                await waiting
        await asyncio.to_thread(until, lambda: last in called.seen, within=40)
    assert ada.told == [*(f"m-{number}" for number in range(6)), "last"]
    assert Counter(called.seen)[last] == 1


async def test_requests_of_the_older_transport_may_come_to_any_server(pair: Pair) -> None:
    """The relay over a real database; what it does in detail is in test_several_servers."""
    headers = {"mcp-session-id": "s-1", "accept": "text/event-stream", "mcp-protocol-version": "2025-06-18"}
    given = {**headers, "accept": "application/json, text/event-stream"}
    subscribe = {"jsonrpc": "2.0", "id": 1, "method": "resources/subscribe", "params": {"uri": "homeport://inbox/ada"}}
    told: list[str] = []
    async with httpx2.AsyncClient(timeout=20) as http, http.stream("GET", f"{pair.a.url}/mcp", headers=headers) as one:

        async def listen() -> None:
            async for line in one.aiter_lines():
                told.extend([line] * ("resources/updated" in line))

        listening = asyncio.create_task(listen())
        assert (await http.post(f"{pair.b.url}/mcp", json=subscribe, headers=given)).status_code == 200

        numbers = count()

        async def is_told() -> bool:
            await asyncio.to_thread(send, pair.b, f"again-{next(numbers)}")
            return bool(told)

        await eventually(is_told)
        await http.delete(f"{pair.b.url}/mcp", headers=headers)
        async with asyncio.timeout(30):
            await listening


async def test_a_stream_at_one_server_tells_of_a_call_that_another_one_answers_later(pair: Pair) -> None:
    """The wire of a real database; what it does in detail is in test_several_servers."""
    wait = {"name": "wait_for_messages", "arguments": {"instanceId": "bob", "timeout_seconds": 60}}
    async with httpx2.AsyncClient(timeout=30) as http:
        body, headers = modern("tools/call", **wait)
        body["params"]["_meta"][CAPABILITIES] = DECLARED
        named = {**headers, "mcp-name": "wait_for_messages"}
        task_id = read(await http.post(f"{pair.a.url}/mcp", json=body, headers=named))["result"]["taskId"]
        body, headers = modern("subscriptions/listen", notifications={"taskIds": [task_id]})
        body["params"]["_meta"][CAPABILITIES] = DECLARED
        async with opened(http, f"{pair.b.url}/mcp", "POST", json=body, headers=headers) as stream:
            assert (await stream.message())["params"]["notifications"] == {"taskIds": [task_id]}
            assert (await stream.message())["params"]["status"] == "working"
            await asyncio.to_thread(send, pair.b, "to bob", "bob")
            told = (await stream.message())["params"]
            assert (told["taskId"], told["status"]) == (task_id, "completed")


def test_the_last_backup_is_told_by_every_server_whichever_machine_made_it(pair: Pair) -> None:
    assert pair.a.get("/health").json()["last_backup"] == BACKED_UP
    until(lambda: pair.b.get("/health").json()["last_backup"] == BACKED_UP, within=30)
