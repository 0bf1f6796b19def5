"""What is open when its token is revoked or expires ends: streams of every kind, and waits."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import anyio
import httpx2
import pytest

from homeport.coordination import oauth, tokens
from homeport.coordination.oauth import Credential, Grant
from homeport.coordination.tokens import Request, Token
from homeport.errors import UnavailableError
from homeport.server import create_token, revoke_token
from homeport.storage.memory import MemoryStore
from tests.server.test_feed import following
from tests.server.test_sse import talking
from tests.server.test_subscriptions import listens, session
from tests.support.credentials import bearer, issued
from tests.support.desk import MINUTE, START
from tests.support.events import opened
from tests.support.listening import Listening, listening
from tests.support.process import server_process
from tests.support.site import LEGACY, MODERN, read, tool_call
from tests.support.waiting import eventually

WAIT: Final = {"instanceId": "ada", "timeout_seconds": 100}
Ended = Callable[[], Awaitable[None]]
Headers = Mapping[str, str]


@dataclass
class Guarded:
    """A server that answers nobody without a token, and a clock that the test moves."""

    server: Listening
    clock: list[int]

    @property
    def store(self) -> MemoryStore:
        store = self.server.served.dispatcher.store
        assert isinstance(store, MemoryStore)
        return store

    async def revoke(self, token: Token) -> None:
        await self.store.write(lambda records: tokens.revoke(records, token.id, START))

    async def anybody_waits(self) -> bool:
        return bool(self.server.served.dispatcher.bell._waiting)


@pytest.fixture
async def guarded() -> AsyncIterator[Guarded]:
    """A server with an agent."""
    clock = [START]
    async with listening(auth="tokens", clock=lambda: clock[0]) as server:
        await server.served.dispatcher.call("register_instance", {"instanceId": "ada", "role": "dev"})
        yield Guarded(server, clock)


@asynccontextmanager
async def a_session(server: Listening, headers: Headers) -> AsyncIterator[Ended]:
    async with session(server, "s", headers) as stream:
        await stream.message()
        yield stream.end


@asynccontextmanager
async def a_listener(server: Listening, headers: Headers) -> AsyncIterator[Ended]:
    async with listens(server, headers, resourcesListChanged=True) as stream:
        await stream.message()
        yield stream.end


@asynccontextmanager
async def an_older_stream(server: Listening, headers: Headers) -> AsyncIterator[Ended]:
    async with talking(server.sse_url, headers) as talk:
        yield talk.stream.end


@asynccontextmanager
async def a_feed(server: Listening, headers: Headers) -> AsyncIterator[Ended]:
    async with following(server, headers=dict(headers)) as frames:

        async def end() -> None:
            with anyio.fail_after(20):
                async for _ in frames:
                    pass

        yield end


@asynccontextmanager
async def a_wait_with_signs(server: Listening, headers: Headers) -> AsyncIterator[Ended]:
    body, given = tool_call(MODERN, "wait_for_messages", WAIT, progress=True)
    async with (
        httpx2.AsyncClient() as http,
        opened(http, f"{server.url}/mcp", "POST", json=body, headers={**given, **headers}) as stream,
    ):
        assert (await stream.message())["method"] == "notifications/progress"
        yield stream.end


Open = Callable[[Listening, Headers], AbstractAsyncContextManager[Ended]]
STREAMS: Final[list[Open]] = [a_session, a_listener, an_older_stream, a_feed, a_wait_with_signs]


@pytest.mark.parametrize("kind", STREAMS)
@pytest.mark.parametrize("reason", ["revoked", "expired", "its grant ended"])
async def test_a_stream_ends_with_its_token_and_others_go_on(guarded: Guarded, kind: Open, reason: str) -> None:
    token, text = await issued(guarded.store, "gone", expires_at=START + 10 * MINUTE)
    if reason == "its grant ended":
        text = await granted(guarded.store, token)
    _, kept = await issued(guarded.store, "kept")
    async with kind(guarded.server, bearer(text)) as ended, session(guarded.server, "k", bearer(kept)) as other:
        await other.message()
        if reason == "revoked":
            await guarded.revoke(token)
        elif reason == "expired":
            guarded.clock[0] = START + 10 * MINUTE
        else:
            await guarded.store.write(lambda records: oauth.end(records, "grant", START))
        await ended()
        await guarded.server.served.dispatcher.call("create_project", {"id": "p", "name": "P", "description": ""})
        assert (await other.message())["method"] == "notifications/resources/list_changed"
    await eventually(lambda: quiet(guarded.server))
    assert not [line for line in guarded.server.served.logged() if line["event"] != "request"]


async def granted(store: MemoryStore, token: Token) -> str:
    """An access token that OAuth has given out in the name of a token."""
    _, text = tokens.mint("development", bytes(tokens.RANDOM_BYTES))
    access = text.reveal()

    def work(records: Any) -> None:
        records.oauth.put_grant(Grant("grant", "client", "A client", token.id, "write", START))
        records.oauth.put_credential(
            Credential(tokens.digest(access), "access", "grant", "client", "write", START, START + 60 * MINUTE)
        )

    await store.write(work)
    return access


async def quiet(server: Listening) -> bool:
    """Whether nothing is left of what was open."""
    return len(server.served.site.subscriptions) <= 2 and len(server.served.site.streams) == 0


@pytest.mark.parametrize("version", [None, *LEGACY, MODERN, "api"])
async def test_a_wait_is_answered_as_a_bad_token_is(guarded: Guarded, version: str | None) -> None:
    token, text = await issued(guarded.store, scope="read")
    answers: list[httpx2.Response] = []
    body, headers = tool_call(version, "wait_for_messages", WAIT)

    async def wait() -> None:
        async with httpx2.AsyncClient(timeout=30) as http:
            if version == "api":
                url = f"{guarded.server.url}/api/v1/instances/ada/messages/wait?timeout_seconds=100"
                answers.append(await http.get(url, headers=bearer(text)))
            else:
                url = f"{guarded.server.url}/mcp"
                answers.append(await http.post(url, json=body, headers={**headers, **bearer(text)}))

    async with anyio.create_task_group() as group:
        group.start_soon(wait)
        await eventually(guarded.anybody_waits)
        await guarded.revoke(token)
    [answer] = answers
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert "This token was revoked" in answer.text
    if version != "api":
        assert answer.json()["id"] == 1
    assert not await guarded.anybody_waits()


async def test_what_follows_a_wait_in_a_batch_is_not_carried_out(guarded: Guarded) -> None:
    token, text = await issued(guarded.store)
    create = {"name": "create_project", "arguments": {"id": "p", "name": "P", "description": ""}}
    wait = {"name": "wait_for_messages", "arguments": WAIT}
    batch = [{"jsonrpc": "2.0", "id": n, "method": "tools/call", "params": one} for n, one in enumerate((wait, create))]
    statuses: list[int] = []

    async def post() -> None:
        async with httpx2.AsyncClient(timeout=30) as http:
            statuses.append(
                (await http.post(f"{guarded.server.url}/mcp", json=batch, headers=bearer(text))).status_code
            )

    async with anyio.create_task_group() as group:
        group.start_soon(post)
        await eventually(guarded.anybody_waits)
        await guarded.revoke(token)
    assert statuses == [401]
    assert (await guarded.server.served.dispatcher.call("get_projects", {}))["projects"] == []


async def test_a_change_of_another_token_ends_nothing(guarded: Guarded) -> None:
    _, text = await issued(guarded.store, "kept", expires_at=START + 10 * MINUTE)
    other, gone = await issued(guarded.store, "other")
    async with following(guarded.server, headers=bearer(text)) as frames:
        async with a_session(guarded.server, bearer(gone)) as ended:
            guarded.clock[0] += 9 * MINUTE
            await guarded.revoke(other)
            await ended()
        await guarded.server.served.dispatcher.call("create_project", {"id": "p", "name": "P", "description": ""})
        with anyio.fail_after(20):
            kinds = [(await anext(frames))["event"] for _ in range(2)]
        assert kinds == ["token.revoked", "project.created"]


async def test_a_look_that_fails_is_made_again(guarded: Guarded, monkeypatch: pytest.MonkeyPatch) -> None:
    token, text = await issued(guarded.store)
    failed: list[int] = []
    scan = guarded.store.scan

    async def failing(work: Any) -> Any:
        if not failed:
            failed.append(1)
            raise UnavailableError("The disk is away.")
        return await scan(work)

    async with a_session(guarded.server, bearer(text)) as ended:
        monkeypatch.setattr(guarded.store, "scan", failing)
        await guarded.revoke(token)
        await ended()
    assert failed


async def test_a_token_that_another_process_revokes_ends_what_is_open(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    token, text = await anyio.to_thread.run_sync(create_token, data, "development", Request("nova"))
    body, given = tool_call(MODERN, "wait_for_messages", WAIT, progress=True)
    with server_process(data, auth="tokens") as server:
        url = f"{server.url}/mcp"
        async with httpx2.AsyncClient(headers=bearer(text.reveal()), timeout=30) as http:
            joining, headers = tool_call(MODERN, "register_instance", {"instanceId": "ada", "role": "dev"})
            assert read(await http.post(url, json=joining, headers=headers))["result"]["isError"] is False
            async with (
                opened(http, f"{server.url}/api/v1/events") as feed,
                opened(http, url, "POST", json=body, headers=given) as wait,
            ):
                assert await feed.line() == "retry: 1000"
                assert (await wait.message())["method"] == "notifications/progress"
                await anyio.to_thread.run_sync(revoke_token, data, "development", token.id)
                await feed.end()
                await wait.end()
            assert (await http.get(f"{server.url}/api/v1/status")).status_code == 401
