"""The revisions with ``initialize``, 2024-11-05 to 2025-11-25, on ``/mcp``."""

from __future__ import annotations

import json

import pytest

from tests.support.site import ACCEPT, LEGACY, Served, read, tool_call


@pytest.mark.parametrize("version", LEGACY)
@pytest.mark.parametrize("accept", [ACCEPT, "application/json", "*/*"])
async def test_initialize_negotiates_the_revision_and_answers_with_an_id_that_costs_nothing(
    site: Served, version: str, accept: str
) -> None:
    params = {"protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    body = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params}
    response = await site.post(body, {"accept": accept})
    assert response.status_code == 200
    assert len(response.headers["mcp-session-id"]) >= 32
    assert len(site.site.sessions) == 0
    result = response.json()["result"]
    assert result["protocolVersion"] == version
    assert result["serverInfo"]["name"] == "homeport-development"
    assert "bootstrap" in result["instructions"]


@pytest.mark.parametrize("version", LEGACY)
async def test_an_answer_is_sent_once_as_compact_json_text(site: Served, version: str) -> None:
    result = (await site.call(version, "get_server_status"))["result"]
    assert set(result) == {"_meta", "content", "isError"}
    assert result["_meta"] == {"homeport/environment": "development"}
    text = result["content"][0]["text"]
    assert json.loads(text)["environment"] == "development"
    assert text == json.dumps(json.loads(text), separators=(",", ":"), ensure_ascii=False)


@pytest.mark.parametrize("version", LEGACY)
async def test_the_list_promises_no_structured_content(site: Served, version: str) -> None:
    headers = {"accept": ACCEPT, "mcp-protocol-version": version}
    response = await site.post({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}, headers)
    tools = read(response)["result"]["tools"]
    assert tools
    assert not [tool for tool in tools if "outputSchema" in tool]


@pytest.mark.parametrize("version", LEGACY)
async def test_a_refused_call_is_a_tool_error(site: Served, version: str) -> None:
    result = (await site.call(version, "get_task", {"id": "none"}))["result"]
    assert result["isError"] is True
    assert "no task 'none'" in result["content"][0]["text"]
    assert "structuredContent" not in result


@pytest.mark.parametrize("version", LEGACY)
async def test_an_unknown_tool_is_invalid_params(site: Served, version: str) -> None:
    assert (await site.call(version, "get_nothing"))["error"]["code"] == -32602


async def test_a_session_of_before_a_restart_goes_on(site: Served) -> None:
    body, headers = tool_call("2025-06-18", "get_server_status", {})
    response = await site.post(body, {**headers, "mcp-session-id": "of-a-server-that-is-gone"})
    assert response.status_code == 200
    assert read(response)["result"]["isError"] is False
    assert site.site.official._ready is None, "a call in a session is as cheap as any"


async def test_progress_that_is_asked_for_comes_on_a_stream(site: Served) -> None:
    body, headers = tool_call("2025-06-18", "get_server_status", {}, progress=True)
    response = await site.post(body, headers)
    assert response.headers["content-type"].startswith("text/event-stream")
    assert read(response)["result"]["isError"] is False


async def test_ping_is_answered_and_notifications_are_accepted(site: Served) -> None:
    headers = {"accept": ACCEPT, "mcp-protocol-version": "2025-06-18"}
    pong = await site.post({"jsonrpc": "2.0", "id": "p", "method": "ping"}, headers)
    assert read(pong) == {"jsonrpc": "2.0", "id": "p", "result": {}}
    accepted = await site.post({"jsonrpc": "2.0", "method": "notifications/initialized"}, headers)
    assert accepted.status_code == 202


async def test_an_unknown_method_is_not_found(site: Served) -> None:
    headers = {"accept": ACCEPT, "mcp-protocol-version": "2025-06-18"}
    response = await site.post({"jsonrpc": "2.0", "id": 1, "method": "no/such"}, headers)
    assert read(response)["error"]["code"] == -32601


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_without_a_session_there_is_no_stream_to_open_and_nothing_to_end(site: Served, method: str) -> None:
    response = await site.http.request(method, "/mcp", headers={"accept": "text/event-stream"})
    assert response.status_code == 405
