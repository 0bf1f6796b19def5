"""What holds for every request, whoever answers it."""

from __future__ import annotations

import json
from typing import Any

import anyio
import pytest

from homeport.transports import exchange
from tests.support.site import Served, served, tool_call

EVERYWHERE = ("/", "/health", "/mcp", "/api/v1/status", "/api/v1/none", "/openapi.json", "/none", "/.well-known/x")


@pytest.mark.parametrize("path", EVERYWHERE)
async def test_every_response_names_its_environment_and_its_request(site: Served, path: str) -> None:
    response = await site.http.get(path)
    assert response.headers["x-mcp-environment"] == "development"
    assert response.headers["x-request-id"]


async def test_a_response_that_the_sdk_makes_names_them_too(site: Served) -> None:
    body = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    response = await site.post(body, {"mcp-protocol-version": "2025-06-18", "accept": "*/*", "x-request-id": "mine"})
    assert response.headers["x-mcp-environment"] == "development"
    assert response.headers["x-request-id"] == "mine"


async def test_a_request_id_that_is_given_is_kept_and_one_that_could_harm_a_log_is_not(site: Served) -> None:
    kept = await site.http.get("/health", headers={"x-request-id": "trace-1/2"})
    assert kept.headers["x-request-id"] == "trace-1/2"
    for harmful in ("a b", "x" * 129, '"}', "a\tb"):
        made = await site.http.get("/health", headers={"x-request-id": harmful})
        assert made.headers["x-request-id"] not in {harmful, ""}


@pytest.mark.parametrize("host", ["localhost", "localhost:3448", "127.0.0.1", "[::1]:3448", "LOCALHOST:1"])
async def test_the_machine_itself_may_be_called_by_its_loopback_names(site: Served, host: str) -> None:
    assert (await site.http.get("/health", headers={"host": host})).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:3448", "", "a b"])
async def test_a_foreign_host_is_misdirected(site: Served, host: str) -> None:
    response = await site.http.get("/health", headers={"host": host})
    assert response.status_code == 421
    assert response.json()["error"]["code"] == "foreign"


async def test_a_declared_host_may_be_used_and_its_own_pages_may_call() -> None:
    async with served(hosts=("agents.example",), origins=("https://console.example",)) as site:
        host = {"host": "agents.example"}
        for origin in ("https://agents.example", "https://console.example", "http://localhost:5173"):
            assert (await site.http.get("/health", headers={**host, "origin": origin})).status_code == 200
        for origin in ("https://console.example.evil", "null", "https://agents.example.evil"):
            assert (await site.http.get("/health", headers={**host, "origin": origin})).status_code == 403


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost.evil.example", "file://"])
@pytest.mark.parametrize("path", ["/mcp", "/api/v1/messages"])
async def test_a_page_of_a_foreign_origin_is_forbidden_before_anything_is_done(
    site: Served, path: str, origin: str
) -> None:
    body = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    response = await site.post(body, {"origin": origin}, path)
    assert response.status_code == 403
    assert site.logged()[-1]["status"] == 403


async def test_a_body_over_the_limit_is_refused_unread(site: Served) -> None:
    response = await site.post(b" " * (exchange.MAX_BODY + 1))
    assert response.status_code == 413
    assert response.json()["error"]["code"] == -32600
    response = await site.post(b" " * (exchange.MAX_BODY + 1), path="/api/v1/messages")
    assert response.status_code == 413
    assert response.json()["error"]["code"] == "too_large"


async def test_a_body_that_grows_over_the_limit_is_refused_though_its_length_was_not_told(site: Served) -> None:
    sent, statuses = 0, []

    async def receive() -> dict[str, Any]:
        nonlocal sent
        sent += 1
        return {"type": "http.request", "body": b" " * 65_536, "more_body": True}

    async def send(message: Any) -> None:
        statuses.append(message.get("status"))

    await site.site.app(scope("/mcp"), receive, send)
    assert statuses[0] == 413
    assert sent <= exchange.MAX_BODY / 65_536 + 1


async def test_a_body_that_does_not_arrive_has_a_deadline(site: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "BODY_SECONDS", 0.01)
    messages: list[Any] = []
    first = True

    async def receive() -> dict[str, Any]:
        nonlocal first
        if first:
            first = False
            return {"type": "http.request", "body": b"{", "more_body": True}
        await anyio.sleep_forever()
        return {}

    async def send(message: Any) -> None:
        messages.append(message)

    await site.site.app(scope("/mcp"), receive, send)
    assert messages[0]["status"] == 408
    assert (b"connection", b"close") in messages[0]["headers"]


async def test_a_client_that_leaves_while_it_sends_is_logged_and_not_answered(site: Served) -> None:
    messages: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        messages.append(message)

    await site.site.app(scope("/mcp"), receive, send)
    assert messages == []
    assert site.logged()[-1]["status"] == 499


async def test_the_log_has_one_line_for_a_request_and_no_content(site: Served) -> None:
    arguments = {"to": "bob", "from": "alice", "subject": "quiet", "content": "a private text"}
    await site.call(None, "send_message", arguments)
    line = site.logged()[-1]
    assert line["event"] == "request"
    assert (line["method"], line["path"], line["status"], line["tool"]) == ("POST", "/mcp", 200, "send_message")
    assert line["environment"] == "development"
    assert line["ms"] >= 0
    assert "private" not in json.dumps(site.logged())


async def test_a_failure_inside_is_logged_with_its_traceback_and_told_without(site: Served) -> None:
    for response in (
        await site.http.get("/api/v1/broken"),
        *[await site.post(*_broken(version)) for version in (None, "2025-06-18", "2026-07-28")],
    ):
        assert "secret" not in response.text
        assert response.headers["x-request-id"] in response.text
    failures = [line for line in site.logged() if "traceback" in line]
    assert len(failures) == 4
    assert all("the secret inside" in line["traceback"] for line in failures)
    assert (await site.http.get("/api/v1/broken")).status_code == 500


def _broken(version: str | None) -> tuple[dict[str, Any], dict[str, str]]:
    return tool_call(version, "broken", {})


@pytest.mark.parametrize("path", ["/none", "/mcpx", "/api/v1x", "/.well-known/oauth-protected-resource"])
async def test_an_unknown_path_is_a_clean_not_found_in_json(site: Served, path: str) -> None:
    response = await site.http.get(path)
    assert response.status_code == 404
    assert response.json()["error"]["code"] == "not_found"
    assert "www-authenticate" not in response.headers


async def test_oauth_metadata_is_not_found_so_that_clients_keep_their_static_header(site: Served) -> None:
    for name in ("oauth-protected-resource", "oauth-protected-resource/mcp", "oauth-authorization-server"):
        assert (await site.http.get(f"/.well-known/{name}")).status_code == 404


async def test_a_wrong_method_is_told_the_right_ones(site: Served) -> None:
    response = await site.http.delete("/health")
    assert response.status_code == 405
    assert response.headers["allow"] == "GET, HEAD"


async def test_an_environment_without_streamable_http_has_no_mcp_path() -> None:
    async with served(streamable_http=False) as site:
        assert (await site.post({"jsonrpc": "2.0", "id": 1, "method": "ping"})).status_code == 404
        assert "mcp" not in (await site.http.get("/")).json()


def scope(path: str) -> dict[str, Any]:
    headers = [(b"host", b"localhost"), (b"content-type", b"application/json")]
    return {"type": "http", "method": "POST", "path": path, "headers": headers, "query_string": b""}
