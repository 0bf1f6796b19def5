"""Clients of the earlier server: POST with no initialize, no revision, and whatever Accept."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.site import Served


@pytest.mark.parametrize("accept", [None, "application/json, text/plain, */*", "application/json", "text/html"])
async def test_a_call_is_answered_as_text_and_as_data(site: Served, accept: str | None) -> None:
    params = {"name": "get_server_status", "arguments": {}}
    body = {"jsonrpc": "2.0", "id": "abc", "method": "tools/call", "params": params}
    response = await site.post(body, {"accept": accept} if accept else {})
    assert response.status_code == 200
    answer = response.json()
    assert answer["id"] == "abc"
    assert answer["result"]["data"]["environment"] == "development"
    assert json.loads(answer["result"]["content"][0]["text"]) == answer["result"]["data"]
    assert answer["result"]["_meta"] == {"homeport/environment": "development"}


async def test_arguments_may_be_left_out_and_jsonrpc_too(site: Served) -> None:
    response = await site.post({"id": 1, "method": "tools/call", "params": {"name": "get_server_status"}})
    assert "data" in response.json()["result"]


@pytest.mark.parametrize(
    ("name", "arguments", "code", "kind"),
    [
        ("get_task", {"id": "none"}, -32004, "not_found"),
        ("get_task", {"id": 7}, -32602, "invalid"),
        ("get_task", {"idd": "x"}, -32602, "invalid"),
        ("send_message", {"to": "a", "from": "b", "subject": "s", "content": "x" * 300_000}, -32013, "too_large"),
    ],
)
async def test_a_refused_call_is_an_error_with_its_own_code_and_words(
    site: Served, name: str, arguments: dict[str, Any], code: int, kind: str
) -> None:
    error = (await site.call(None, name, arguments))["error"]
    assert error["code"] == code
    assert error["data"]["code"] == kind
    assert error["message"].startswith(error["data"]["message"])


async def test_an_unknown_tool_is_told_what_is_near(site: Served) -> None:
    error = (await site.call(None, "get_tusks"))["error"]
    assert error["code"] == -32602
    assert "get_tasks" in error["message"]


@pytest.mark.parametrize("params", [{}, {"name": 7}, {"name": "get_tasks", "arguments": []}])
async def test_a_call_of_a_wrong_shape_is_invalid_params(site: Served, params: dict[str, Any]) -> None:
    assert (await site.old("tools/call", **params))["error"]["code"] == -32602


async def test_the_tools_are_listed_without_initialize(site: Served) -> None:
    tools = (await site.old("tools/list"))["result"]["tools"]
    assert tools[0]["name"] == "bootstrap"
    assert not [tool for tool in tools if "outputSchema" in tool]


BAD_IDS: list[object] = [None, True, 1.5, [], {}]


async def test_a_response_that_is_posted_is_accepted(site: Served) -> None:
    assert (await site.post({"jsonrpc": "2.0", "id": 1, "result": {}})).status_code == 202


@pytest.mark.parametrize(
    "message",
    [{}, {"id": 1}, {"id": 1, "method": 7}, {"jsonrpc": "1.0", "id": 1, "method": "ping"}, [], "ping", 1, None]
    + [{"jsonrpc": "2.0", "id": bad, "method": "ping"} for bad in BAD_IDS],
)
async def test_what_is_no_request_is_an_invalid_request(site: Served, message: object) -> None:
    response = await site.post(message)
    assert response.json()["error"]["code"] == -32600
    assert response.status_code == (400 if response.json()["id"] is None else 200)


async def test_a_batch_is_answered_in_order_without_its_notifications(site: Served) -> None:
    batch = [
        {"jsonrpc": "2.0", "id": 1, "method": "ping"},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 2, "method": "no/such"},
        {"jsonrpc": "2.0", "id": 3, "method": "initialize"},
    ]
    replies = (await site.post(batch)).json()
    assert [reply["id"] for reply in replies] == [1, 2, 3]
    assert [reply.get("error", {}).get("code") for reply in replies] == [None, -32601, -32600]
    assert (await site.post(batch[1:2])).status_code == 202
    assert (await site.post(batch[:1] * 51)).status_code == 400


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
async def test_a_content_type_that_any_page_may_send_is_refused(site: Served, kind: str) -> None:
    response = await site.post({"jsonrpc": "2.0", "id": 1, "method": "ping"}, {"content-type": kind})
    assert response.status_code == 415
    assert response.json()["error"]["code"] == -32600


async def test_a_wait_of_no_time_answers_at_once(site: Served) -> None:
    await site.call(None, "register_instance", {"instanceId": "bob", "role": "dev"})
    answer = await site.call(None, "wait_for_messages", {"instanceId": "bob", "timeout_seconds": 0})
    assert answer["result"]["data"]["messages"] == []
