"""Several servers of one environment: what a client began at one of them goes on at another."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest

from homeport.server.requests import RequestDirectory
from homeport.storage.memory import MemoryStore
from homeport.transports import elsewhere, relay, shares
from homeport.transports.log import Log
from homeport.transports.pushes import PushesEndpoint
from homeport.transports.relay import MARK
from tests.server.test_deferred_calls import CAPABILITIES, DECLARED, of_status, task, waits
from tests.server.test_sse import CLIENT, talking
from tests.server.test_subscriptions import INBOX, in_session, session, tell_ada
from tests.support.credentials import bearer, issued
from tests.support.events import Stream, opened
from tests.support.line import Line
from tests.support.listening import Listening, listening
from tests.support.oauth import HOST, Proxy, answer_of, staged
from tests.support.signed import SECRET, github, push_body
from tests.support.site import modern
from tests.support.waiting import eventually


@dataclass
class Pair:
    """Two servers on one store, and the line between them."""

    a: Listening
    b: Listening
    line: Line = field(default_factory=Line)


@asynccontextmanager
async def paired(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Pair]:
    """Two servers, with two agents."""
    monkeypatch.setattr(relay, "ANSWER_SECONDS", 0.3)
    monkeypatch.setattr(elsewhere, "ANSWER_SECONDS", 0.3)
    monkeypatch.setattr(shares, "TELL_SECONDS", 0.02)
    store, line = MemoryStore(), Line()
    async with listening(store, wire=line.end()) as a, listening(store, wire=line.end()) as b:
        for name in ("ada", "bob"):
            await a.served.call(None, "register_instance", {"instanceId": name, "role": "dev"})
        yield Pair(a, b, line)


@pytest.fixture
async def pair(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Pair]:
    """The two, for one test."""
    async with paired(monkeypatch) as found:
        yield found


# --- the older transport: a stream at one server, requests at another ------------------------------------------------


async def test_a_request_at_another_server_is_answered_on_the_stream(pair: Pair) -> None:
    async with talking(pair.a.sse_url) as talk:
        talk.endpoint = talk.endpoint.replace(str(pair.a.sse_port), str(pair.b.sse_port))
        assert (await talk.ask("initialize", **CLIENT))["result"]["protocolVersion"] == "2024-11-05"
        await talk.post({"jsonrpc": "2.0", "method": "notifications/initialized"})
        answer = await talk.ask("tools/call", 2, name="get_instances", arguments={})
        assert '"ada"' in answer["result"]["content"][0]["text"]


async def test_a_request_that_is_wrong_is_refused_as_at_the_streams_own_server(pair: Pair) -> None:
    async with talking(pair.a.sse_url) as talk:
        talk.endpoint = talk.endpoint.replace(str(pair.a.sse_port), str(pair.b.sse_port))
        assert (await talk.post(b"{")).status_code == 400
        assert (await talk.post([])).status_code == 400


async def test_the_stream_of_a_server_that_is_gone_is_none_and_the_client_opens_another(pair: Pair) -> None:
    url = f"http://127.0.0.1:{pair.b.sse_port}/messages?session_id=server9{MARK}abc"
    async with httpx2.AsyncClient() as http:
        for _ in range(2):
            answer = await http.post(url, json={"jsonrpc": "2.0", "id": 1, "method": "ping"})
            assert answer.status_code == 404
            assert "Open the stream anew" in answer.json()["error"]["hint"]


async def test_nobody_reaches_the_stream_of_another_caller_by_way_of_another_server() -> None:
    store, line = MemoryStore(), Line()
    (_, ada), (_, eve) = await issued(store, "ada"), await issued(store, "eve")
    settings: dict[str, Any] = {"auth": "tokens"}
    async with (
        listening(store, wire=line.end(), **settings) as a,
        listening(store, wire=line.end(), **settings) as b,
        talking(a.sse_url, bearer(ada)) as talk,
    ):
        talk.endpoint = talk.endpoint.replace(str(a.sse_port), str(b.sse_port))
        ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
        assert (await talk.post(ping)).status_code == 401
        assert (await talk.post(ping, bearer(eve))).status_code == 404
        assert (await talk.post(ping, bearer(ada))).status_code == 202


# --- calls that are answered later -----------------------------------------------------------------------------------


async def test_a_call_that_one_server_answers_later_is_fetched_at_another(pair: Pair) -> None:
    handle = await waits(pair.a)
    assert (await task(pair.b, handle["taskId"]))["result"]["status"] == "working"
    await tell_ada(pair.b, "At last")
    done = await of_status(pair.b, handle["taskId"], "completed")
    assert [one["subject"] for one in done["result"]["structuredContent"]["messages"]] == ["At last"]


async def test_a_call_that_one_server_answers_later_is_cancelled_at_another(pair: Pair) -> None:
    handle = await waits(pair.a)
    assert "error" not in await task(pair.b, handle["taskId"], "tasks/cancel")
    await of_status(pair.a, handle["taskId"], "cancelled")


async def test_a_call_of_a_server_that_is_gone_is_none(pair: Pair) -> None:
    answer = await task(pair.b, f"server9{MARK}abc")
    assert "call the tool again" in answer["error"]["message"]


def listens_to(
    server: Listening, http: httpx2.AsyncClient, *ids: str, headers: dict[str, str] | None = None
) -> AbstractAsyncContextManager[Stream]:
    """A stream at a server that tells of calls which are answered later."""
    body, given = modern("subscriptions/listen", notifications={"taskIds": list(ids)})
    body["params"]["_meta"][CAPABILITIES] = DECLARED
    return opened(http, f"{server.url}/mcp", "POST", json=body, headers={**given, **(headers or {})})


async def test_a_stream_tells_of_a_call_that_another_server_answers_until_its_end(pair: Pair) -> None:
    ids = [(await waits(server))["taskId"] for server in (pair.a, pair.b)]
    async with httpx2.AsyncClient() as http, listens_to(pair.b, http, *ids, f"server1{MARK}unknown") as stream:
        assert (await stream.message())["params"]["notifications"] == {"taskIds": ids}
        told = [(await stream.message())["params"] for _ in ids]
        assert {(one["taskId"], one["status"]) for one in told} == {(one, "working") for one in ids}
        await tell_ada(pair.b, "At last")
        told = [(await stream.message())["params"] for _ in ids]
        assert {(one["taskId"], one["status"]) for one in told} == {(one, "completed") for one in ids}
        for one in told:
            assert one["result"]["structuredContent"]["messages"][0]["subject"] == "At last"

    async def nobody_follows() -> bool:
        return not pair.b.served.site._elsewhere._followed and not pair.a.served.site._elsewhere._followers

    await eventually(nobody_follows)


async def test_what_a_stream_was_not_told_while_the_servers_did_not_hear_each_other_it_is_told_afterwards(
    pair: Pair,
) -> None:
    task_id = (await waits(pair.a))["taskId"]
    async with httpx2.AsyncClient() as http, listens_to(pair.b, http, task_id) as stream:
        assert [(await stream.message())["method"] for _ in range(2)][1] == "notifications/tasks"
        pair.line.is_cut = True
        await tell_ada(pair.a)
        await of_status(pair.a, task_id, "completed")
        pair.line.mend()
        assert (await stream.message())["params"]["status"] == "completed"


async def test_a_stream_tells_that_the_server_which_was_to_answer_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elsewhere, "LOOK_SECONDS", 0.02)
    async with paired(monkeypatch) as pair:
        task_id = (await waits(pair.a))["taskId"]
        async with httpx2.AsyncClient() as http, listens_to(pair.b, http, task_id) as stream:
            assert [(await stream.message())["method"] for _ in range(2)][1] == "notifications/tasks"
            pair.line.is_cut = True
            told = (await stream.message())["params"]
            assert told["status"] == "failed"
            assert "call the tool again" in told["statusMessage"]


async def test_nobody_is_told_of_anothers_call_by_way_of_another_server() -> None:
    store, line = MemoryStore(), Line()
    one, two = [bearer((await issued(store, name))[1]) for name in ("one", "two")]
    settings: dict[str, Any] = {"auth": "tokens"}
    async with (
        listening(store, wire=line.end(), **settings) as a,
        listening(store, wire=line.end(), **settings) as b,
        httpx2.AsyncClient() as http,
    ):
        await a.served.dispatcher.call("register_instance", {"instanceId": "ada", "role": "dev"})
        task_id = (await waits(a, headers=one))["taskId"]
        for headers, found in ((two, {}), (one, {"taskIds": [task_id]})):
            async with listens_to(b, http, task_id, headers=headers) as stream:
                assert (await stream.message())["params"]["notifications"] == found


# --- sessions --------------------------------------------------------------------------------------------------------


async def test_what_is_subscribed_at_one_server_is_told_on_the_stream_at_another(pair: Pair) -> None:
    async with session(pair.a, "s-1") as stream:
        assert (await stream.message())["method"] == "notifications/resources/list_changed"
        await in_session(pair.b, "s-1", "resources/subscribe", uri=INBOX)
        await tell_ada(pair.b)
        told = await stream.message()
        assert (told["method"], told["params"]["uri"]) == ("notifications/resources/updated", INBOX)
        await in_session(pair.b, "s-1", "resources/unsubscribe", uri=INBOX)
        await tell_ada(pair.b)
        await in_session(pair.b, "s-1", "resources/subscribe", uri="homeport://inbox/bob")
        await pair.b.served.call(None, "send_message", {"from": "ada", "to": "bob", "subject": "s", "content": "c"})
        assert (await stream.message())["params"]["uri"] == "homeport://inbox/bob"


async def test_what_was_subscribed_while_the_servers_did_not_hear_each_other_is_told_afterwards(pair: Pair) -> None:
    async with session(pair.a, "s-1") as stream:
        await stream.message()
        pair.line.is_cut = True
        await in_session(pair.b, "s-1", "resources/subscribe", uri=INBOX)
        pair.line.mend()

        async def listens() -> bool:
            return any(INBOX in keys for keys in pair.a.served.site.subscriptions._keys.values())

        await eventually(listens)
        await tell_ada(pair.b)
        assert (await stream.message())["params"]["uri"] == INBOX


async def test_a_session_goes_on_at_another_server_with_what_it_watched(pair: Pair) -> None:
    async with session(pair.a, "s-1") as stream:
        await stream.message()
        await in_session(pair.a, "s-1", "resources/subscribe", uri=INBOX)
    async with session(pair.b, "s-1") as stream:
        await stream.message()
        await tell_ada(pair.a)
        assert (await stream.message())["params"]["uri"] == INBOX


async def test_a_session_that_is_ended_at_one_server_is_ended_at_all(pair: Pair) -> None:
    async with session(pair.a, "s-1") as stream, httpx2.AsyncClient() as http:
        await stream.message()
        headers = {"mcp-session-id": "s-1", "mcp-protocol-version": "2025-06-18"}
        assert (await http.delete(f"{pair.b.url}/mcp", headers=headers)).status_code == 200
        await stream.end()
        ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
        for server in (pair.a, pair.b):
            assert (await http.post(f"{server.url}/mcp", json=ping, headers=headers)).status_code == 404


# --- limits ----------------------------------------------------------------------------------------------------------


async def test_a_limit_holds_for_all_servers_together() -> None:
    store, line = MemoryStore(), Line()
    async with (
        listening(store, wire=line.end(), rate_limit=10) as a,
        listening(store, wire=line.end(), rate_limit=10) as b,
        httpx2.AsyncClient() as http,
    ):

        async def status(server: Listening) -> int:
            body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
            return (await http.post(f"{server.url}/mcp", json=body)).status_code

        assert [await status(a) for _ in range(8)] == [200] * 8

        async def knows() -> bool:
            assert b.served.gate._buckets is not None
            return any(have < 5 for have, _ in b.served.gate._buckets._filled.values())

        await eventually(knows)
        assert [await status(b) for _ in range(4)] == [200, 200, 429, 429]


# --- signing in ------------------------------------------------------------------------------------------------------


async def test_a_client_signs_in_with_each_step_at_another_server() -> None:
    store, line = MemoryStore(), Line()
    async with staged(store, wire=line.end()) as scene:
        clock = {"clock": lambda: scene.now, "monotonic": lambda: scene.now / 1000}
        async with listening(store, auth="tokens", oauth_host=HOST, wire=line.end(), **clock) as other:
            proxy = scene.flow.http._transport
            assert isinstance(proxy, Proxy)
            _, token = await issued(store, "ada")
            page = await scene.flow.page()
            proxy._port = other.port
            asking = await scene.flow.sign_in(page, token)
            proxy._port = scene.server.port
            code = answer_of(await scene.flow.decide(asking))["code"]
            proxy._port = other.port
            assert (await scene.flow.token(code)).status_code == 200


# --- what a forge asks for -------------------------------------------------------------------------------------------


async def test_what_a_forge_asks_of_one_server_is_noted_on_every_machine_that_follows_the_branch(
    tmp_path: Path,
) -> None:
    store, line = MemoryStore(), Line()
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    secret.chmod(0o600)

    def machine(name: str, *branches: str) -> PushesEndpoint:
        (tmp_path / name).mkdir()
        return PushesEndpoint(
            branches, RequestDirectory(tmp_path / name, secret), Log("development", write=lambda _: None)
        )

    def noted(name: str) -> list[str]:
        return [json.loads(file.read_text())["commit"] for file in (tmp_path / name).glob("*.request.json")]

    async with (
        listening(store, wire=line.end(), pushes=machine("a", "main")) as a,
        listening(store, wire=line.end(), pushes=machine("b", "main")) as b,
        listening(store, wire=line.end(), pushes=machine("c", "feature/*")),
        httpx2.AsyncClient() as http,
    ):
        body = push_body("main", "c" * 40)
        taken = await http.post(f"{a.url}/hooks/push", content=body, headers=github(body, "first"))
        assert taken.status_code == 202

        async def both() -> bool:
            return noted("a") == noted("b") == ["c" * 40]

        await eventually(both)
        # A forge that calls each of them has it done once on each.
        again = await http.post(f"{b.url}/hooks/push", content=body, headers=github(body, "second"))
        assert again.status_code == 409
        assert (noted("a"), noted("b"), noted("c")) == (["c" * 40], ["c" * 40], [])
