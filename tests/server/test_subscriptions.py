"""Being told that a resource has changed, in the way that each revision has."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import anyio
import httpx2
import pytest

from tests.server.test_sse import talking
from tests.support.credentials import bearer, issued
from tests.support.events import Stream, opened
from tests.support.listening import Listening, listening
from tests.support.site import ACCEPT, MODERN, modern
from tests.support.waiting import eventually

INBOX = "homeport://inbox/ada"
SUBSCRIPTION = "io.modelcontextprotocol/subscriptionId"


@pytest.fixture
async def server() -> AsyncIterator[Listening]:
    """A server with two agents."""
    async with listening() as one:
        for name in ("ada", "bob"):
            await one.served.call(None, "register_instance", {"instanceId": name, "role": "dev"})
        yield one


async def tell_ada(server: Listening, subject: str = "Hello") -> None:
    message = {"from": "bob", "to": "ada", "subject": subject, "content": "x"}
    await server.served.call(None, "send_message", message)


@asynccontextmanager
async def listens(server: Listening, headers: Mapping[str, str] | None = None, **wanted: Any) -> AsyncIterator[Stream]:
    """A stream of the newest revision."""
    body, given = modern("subscriptions/listen", notifications=wanted)
    async with (
        httpx2.AsyncClient() as http,
        opened(http, f"{server.url}/mcp", "POST", json=body, headers={**given, **(headers or {})}) as stream,
    ):
        yield stream


@asynccontextmanager
async def session(
    server: Listening, session_id: str, headers: Mapping[str, str] | None = None
) -> AsyncIterator[Stream]:
    """The stream of a session of an older revision."""
    given = {"accept": "text/event-stream", "mcp-session-id": session_id, **(headers or {})}
    async with httpx2.AsyncClient() as http, opened(http, f"{server.url}/mcp", headers=given) as stream:
        assert stream.response.status_code == 200
        yield stream


async def in_session(server: Listening, session_id: str | None, method: str, **params: Any) -> dict[str, Any]:
    """A request of an older revision."""
    headers = {"accept": ACCEPT, "mcp-protocol-version": "2025-06-18"}
    if session_id is not None:
        headers["mcp-session-id"] = session_id
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    async with httpx2.AsyncClient() as http:
        return dict((await http.post(f"{server.url}/mcp", json=body, headers=headers)).json())


async def test_the_newest_revision_listens_with_a_request_that_stays_open(server: Listening) -> None:
    async with listens(server, resourceSubscriptions=[INBOX, "homeport://inbox/bob"]) as stream:
        assert stream.response.headers["content-type"].startswith("text/event-stream")
        assert stream.response.headers["x-accel-buffering"] == "no"
        acknowledged = await stream.message()
        assert acknowledged["method"] == "notifications/subscriptions/acknowledged"
        assert acknowledged["params"]["notifications"] == {"resourceSubscriptions": [INBOX, "homeport://inbox/bob"]}
        await tell_ada(server)
        told = await stream.message()
        assert told["method"] == "notifications/resources/updated"
        assert told["params"]["uri"] == INBOX
        assert acknowledged["params"]["_meta"] == told["params"]["_meta"] == {SUBSCRIPTION: 1}
    await eventually(_nobody_listens(server))


async def test_lists_that_change_are_told_to_who_asked(server: Listening) -> None:
    async with listens(server, resourcesListChanged=True) as stream:
        assert (await stream.message())["params"]["notifications"] == {"resourcesListChanged": True}
        await tell_ada(server)
        await server.served.call(None, "create_project", {"id": "p", "name": "P", "description": "x"})
        assert (await stream.message())["method"] == "notifications/resources/list_changed"


async def test_a_task_and_its_project_change_together(server: Listening) -> None:
    await server.served.call(None, "create_project", {"id": "p", "name": "P", "description": "x"})
    task, project = "homeport://task/p/t", "homeport://project/p"
    async with listens(server, resourceSubscriptions=[task, project]) as stream:
        await stream.message()
        await server.served.call(None, "create_task", {"id": "t", "title": "T", "description": "x", "project_id": "p"})
        assert {(await stream.message())["params"]["uri"] for _ in range(2)} == {task, project}


async def test_a_stream_that_listens_ends_with_its_result_when_the_server_does(server: Listening) -> None:
    async with listens(server, resourceSubscriptions=[INBOX]) as stream:
        await stream.message()
        server.stop()
        last = await stream.message()
        assert (last["id"], last["result"]["_meta"][SUBSCRIPTION]) == (1, 1)
        await stream.end()
    with anyio.fail_after(20):
        await server.ended


async def test_an_older_client_subscribes_in_its_session_and_is_told_on_its_stream(server: Listening) -> None:
    async with session(server, "s1") as stream, session(server, "s2") as other:
        # An id that this server has not given: what the client has read may be of before a restart.
        for one in (stream, other):
            assert (await one.message())["method"] == "notifications/resources/list_changed"
        assert (await in_session(server, "s1", "resources/subscribe", uri=INBOX))["result"] == {}
        await tell_ada(server)
        told = await stream.message()
        assert (told["method"], told["params"]) == ("notifications/resources/updated", {"uri": INBOX})
        assert (await in_session(server, "s1", "resources/unsubscribe", uri=INBOX))["result"] == {}
        await tell_ada(server)
        await server.served.call(None, "create_project", {"id": "p", "name": "P", "description": "x"})
        for one in (stream, other):
            assert (await one.message())["method"] == "notifications/resources/list_changed"


async def test_what_changed_while_no_stream_was_open_is_told_on_the_next_once(server: Listening) -> None:
    assert (await in_session(server, "s", "resources/subscribe", uri=INBOX))["result"] == {}
    for _ in range(3):
        await tell_ada(server)
    async with session(server, "s") as stream:
        methods = [(await stream.message())["method"] for _ in range(2)]
        assert sorted(methods) == ["notifications/resources/list_changed", "notifications/resources/updated"]
        await tell_ada(server)
        assert (await stream.message())["params"]["uri"] == INBOX


async def test_a_client_of_the_sse_port_is_told_on_its_stream(server: Listening) -> None:
    async with talking(server.sse_url) as talk:
        assert (await talk.ask("resources/subscribe", uri=INBOX))["result"] == {}
        await tell_ada(server)
        assert (await talk.stream.message())["params"] == {"uri": INBOX}
    await eventually(_nobody_listens(server))


async def test_without_a_session_there_is_nothing_to_be_told_on(server: Listening) -> None:
    error = (await in_session(server, None, "resources/subscribe", uri=INBOX))["error"]
    assert error["code"] == -32600
    assert "Mcp-Session-Id" in error["message"]


async def test_what_is_no_resource_cannot_be_watched(server: Listening) -> None:
    assert (await in_session(server, "s", "resources/subscribe", uri="homeport://nothing"))["error"]["code"] == -32602
    async with listens(server, resourceSubscriptions=["homeport://nothing"]) as stream:
        assert (await stream.message())["params"]["notifications"] == {}


async def test_a_session_that_is_ended_is_told_nothing_and_its_stream_ends(server: Listening) -> None:
    async with session(server, "s") as stream, httpx2.AsyncClient() as http:
        ended = await http.delete(f"{server.url}/mcp", headers={"mcp-session-id": "s"})
        assert ended.status_code == 200
        await stream.end()
        again = await http.get(f"{server.url}/mcp", headers={"mcp-session-id": "s", "accept": "text/event-stream"})
        assert again.status_code == 404
    assert len(server.served.site.sessions) == 0
    assert (await in_session(server, "s", "ping"))["error"]["message"].startswith("This session was ended")
    assert (await in_session(server, "s2", "ping"))["result"] == {}


async def test_a_wait_of_a_session_can_be_cancelled(server: Listening) -> None:
    arguments = {"instanceId": "ada", "timeout_seconds": 60}
    async with anyio.create_task_group() as group:

        async def wait() -> None:
            answer = await in_session(server, "s", "tools/call", name="wait_for_messages", arguments=arguments)
            assert answer["error"]["code"] == -32800

        group.start_soon(wait)
        await eventually(_anybody_waits(server))
        headers = {"accept": ACCEPT, "mcp-protocol-version": "2025-06-18"}
        body = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}}
        async with httpx2.AsyncClient() as http:
            for given, status in (({}, 202), ({"mcp-session-id": "another"}, 202)):
                response = await http.post(f"{server.url}/mcp", json=body, headers={**headers, **given})
                assert response.status_code == status
                assert server.served.dispatcher.bell._waiting, "another's request was cancelled"
            await http.post(f"{server.url}/mcp", json=body, headers={**headers, "mcp-session-id": "s"})


@pytest.mark.parametrize("version", [MODERN, "2025-06-18"])
async def test_a_wait_shows_that_it_is_still_under_way(server: Listening, version: str) -> None:
    params: dict[str, Any] = {"name": "wait_for_messages", "arguments": {"instanceId": "ada", "timeout_seconds": 60}}
    headers = {"accept": ACCEPT, "mcp-protocol-version": version}
    if version == MODERN:
        body, headers = modern("tools/call", **params)
        headers["mcp-name"] = "wait_for_messages"
    else:
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    body["params"].setdefault("_meta", {})["progressToken"] = "t"
    async with (
        httpx2.AsyncClient() as http,
        opened(http, f"{server.url}/mcp", "POST", json=body, headers=headers) as stream,
    ):
        sign = await stream.message()
        assert sign["method"] == "notifications/progress"
        assert sign["params"]["progressToken"] == "t"
        assert sign["params"]["total"] == 60
        await eventually(_anybody_waits(server))
        await tell_ada(server, "At last")
        assert "At last" in str(await stream.message())


async def test_who_speaks_as_one_instance_is_told_of_its_own_inbox_alone() -> None:
    async with listening(auth="tokens") as server:
        _, text = await issued(server.served.dispatcher.store, instance_id="ada")
        wanted = {"resourceSubscriptions": [INBOX, "homeport://inbox/bob"]}
        async with listens(server, bearer(text), **wanted) as stream:
            assert (await stream.message())["params"]["notifications"] == {"resourceSubscriptions": [INBOX]}


async def test_a_session_is_nobodys_who_only_knows_its_id() -> None:
    async with listening(auth="tokens") as server:
        store = server.served.dispatcher.store
        tokens = [bearer((await issued(store, name))[1]) for name in ("one", "two")]
        async with session(server, "s", tokens[0]), session(server, "s", tokens[1]), httpx2.AsyncClient() as http:
            assert len(server.served.site.sessions) == 2
            ended = await http.delete(f"{server.url}/mcp", headers={"mcp-session-id": "s", **tokens[1]})
            assert ended.status_code == 200
            assert len(server.served.site.sessions) == 1


async def test_streams_of_sessions_count_among_the_others() -> None:
    async with listening(streams_per_client=1) as server, httpx2.AsyncClient() as http, session(server, "s"):
        headers = {"accept": "text/event-stream", "mcp-session-id": "s2"}
        assert (await http.get(f"{server.url}/mcp", headers=headers)).status_code == 429
        async with listens(server, resourceSubscriptions=[INBOX]) as stream:
            assert "error" in (await stream.response.aread()).decode()


async def test_of_five_hundred_listeners_an_event_costs_only_those_whom_it_concerns(
    server: Listening,
) -> None:
    told: list[str] = []

    class Agent:
        def __init__(self, name: str) -> None:
            self.name = name

        def changed(self, key: str) -> None:
            told.append(f"{self.name} {key}")

    subscriptions = server.served.site.subscriptions
    agents = [Agent(f"agent-{number}") for number in range(500)]
    for agent in agents:
        subscriptions.add(agent, f"homeport://inbox/{agent.name}")
    await server.served.call(None, "send_message", {"from": "a", "to": "agent-7", "subject": "x", "content": "y"})
    assert told == ["agent-7 homeport://inbox/agent-7"]
    for agent in agents:
        subscriptions.drop(agent)
    assert len(subscriptions) == 0


def _nobody_listens(server: Listening) -> Any:
    async def nobody() -> bool:
        return len(server.served.site.subscriptions) == 0

    return nobody


def _anybody_waits(server: Listening) -> Any:
    async def waits() -> bool:
        return bool(server.served.dispatcher.bell._waiting)

    return waits
