"""What a client of an older revision subscribed to holds after the server was restarted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from homeport.coordination import watches
from homeport.errors import UnavailableError
from homeport.storage.memory import MemoryStore
from homeport.transports import sessions
from tests.server.test_subscriptions import INBOX, in_session, session
from tests.support.credentials import bearer, issued
from tests.support.events import Stream, opened
from tests.support.listening import listening
from tests.support.process import ServerProcess, server_process
from tests.support.site import ACCEPT
from tests.support.waiting import eventually

TASK = "homeport://task/never"


def posted(server: ServerProcess, session_id: str, method: str, **params: Any) -> Any:
    headers = {"accept": ACCEPT, "mcp-protocol-version": "2025-06-18", "mcp-session-id": session_id}
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    return httpx2.post(f"{server.url}/mcp", json=body, headers=headers, timeout=60)


async def told(stream: Stream, count: int) -> list[tuple[str, Any]]:
    messages = [await stream.message() for _ in range(count)]
    return sorted((one["method"].removeprefix("notifications/"), one.get("params")) for one in messages)


@pytest.mark.parametrize("end", ["kill", "stop"])
async def test_a_subscription_survives_the_end_of_the_server(tmp_path: Path, end: str) -> None:
    data = tmp_path / "data"
    data.mkdir()
    with server_process(data) as first:
        for name in ("ada", "bob"):
            first.call("register_instance", instanceId=name, role="dev")
        hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
        session_id = posted(first, "none", "initialize", **hello).headers["mcp-session-id"]
        for method, uri in (("subscribe", INBOX), ("subscribe", TASK), ("unsubscribe", TASK)):
            assert posted(first, session_id, f"resources/{method}", uri=uri).json()["result"] == {}
        {"kill": first.kill, "stop": first.stop}[end]()
    headers = {"accept": "text/event-stream", "mcp-session-id": session_id}
    with server_process(data, port=first.port) as second:
        async with httpx2.AsyncClient() as http, opened(http, f"{second.url}/mcp", headers=headers) as stream:
            # What happened while no server was there is not known, so all that it watches may have changed.
            assert await told(stream, 2) == [
                ("resources/list_changed", None),
                ("resources/updated", {"uri": INBOX}),
            ]
            second.call("send_message", from_="bob", to="ada", subject="Hello", content="x")
            assert await told(stream, 1) == [("resources/updated", {"uri": INBOX})]


async def test_a_session_that_its_client_ends_is_forgotten_for_good() -> None:
    store = MemoryStore()
    async with listening(store) as server, httpx2.AsyncClient() as http:
        assert (await in_session(server, "s", "resources/subscribe", uri=INBOX))["result"] == {}
        assert await store.read(lambda records: records.watches.of(watches.name_of("", b"s"))) == [INBOX]
        assert (await http.delete(f"{server.url}/mcp", headers={"mcp-session-id": "s"})).status_code == 200
        assert await store.read(lambda records: records.watches.of(watches.name_of("", b"s"))) == []


async def test_a_session_that_is_idle_is_forgotten_in_the_store_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "IDLE_SECONDS", 0.0)
    store = MemoryStore()
    async with listening(store) as server:
        for one in ("s", "t"):
            assert (await in_session(server, one, "resources/subscribe", uri=INBOX))["result"] == {}
        assert await store.read(lambda records: records.watches.of(watches.name_of("", b"s"))) == []
        assert len(server.served.site.sessions) == 1


async def test_sessions_with_a_stream_are_noted_as_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[str]] = []
    monkeypatch.setattr(sessions, "SEEN_SECONDS", 0.01)
    async with listening() as server:
        kept = server.served.site.sessions._kept
        original = kept.seen

        async def noted(names: list[str]) -> None:
            await original(names)
            seen.append(names)

        monkeypatch.setattr(kept, "seen", noted)
        async with session(server, "s") as stream:
            await stream.message()
            name = watches.name_of("", b"s")

            async def is_seen() -> bool:
                return [name] in seen

            await eventually(is_seen)


async def test_another_callers_session_of_the_same_id_has_nothing_of_it() -> None:
    async with listening(auth="tokens") as server, httpx2.AsyncClient() as http:
        store = server.served.dispatcher.store
        one, two = [bearer((await issued(store, name))[1]) for name in ("one", "two")]
        body = {"jsonrpc": "2.0", "id": 1, "method": "resources/subscribe", "params": {"uri": INBOX}}
        headers = {"accept": ACCEPT, "mcp-protocol-version": "2025-06-18", "mcp-session-id": "s"}
        assert (await http.post(f"{server.url}/mcp", json=body, headers=headers | one)).json()["result"] == {}
        server.served.site.sessions._known.clear()
        async with session(server, "s", two) as stream:
            assert (await stream.message())["method"] == "notifications/resources/list_changed"
            assert len(server.served.site.subscriptions._listeners.get(INBOX, ())) == 1


async def test_a_subscription_that_cannot_be_kept_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watches, "MAX_KEPT", 1)
    async with listening() as server:
        assert (await in_session(server, "s", "resources/subscribe", uri=INBOX))["result"] == {}
        error = (await in_session(server, "t", "resources/subscribe", uri=INBOX))["error"]
        assert "as many as they may" in error["message"]
        assert len(server.served.site.subscriptions._listeners[INBOX]) == 1


async def test_a_store_that_cannot_be_read_begins_no_session(monkeypatch: pytest.MonkeyPatch) -> None:
    async with listening() as server, httpx2.AsyncClient() as http:

        async def away(_: str) -> list[str]:
            raise UnavailableError("The disk is away.")

        monkeypatch.setattr(server.served.dispatcher.store, "read", away)
        headers = {"accept": "text/event-stream", "mcp-session-id": "s"}
        answer = await http.get(f"{server.url}/mcp", headers=headers)
        assert (answer.status_code, json.loads(answer.text)["error"]["message"]) == (503, "The disk is away.")
