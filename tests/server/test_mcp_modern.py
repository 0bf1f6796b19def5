"""Revision 2026-07-28 on ``/mcp``: no session, everything in the request."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.support.site import MODERN, Served, modern, tool_call


async def test_an_answer_is_sent_once_as_structured_content(site: Served) -> None:
    answer = await site.call(MODERN, "get_server_status")
    result = answer["result"]
    assert result["resultType"] == "complete"
    assert result["isError"] is False
    assert result["structuredContent"]["environment"] == "development"
    text = result["content"][0]["text"]
    assert text.startswith("get_server_status: ")
    assert "\n" not in text
    assert "/data" not in text
    assert "data" not in result


async def test_a_result_says_which_environment_and_which_server_it_is_of(site: Served) -> None:
    meta = (await site.call(MODERN, "get_server_status"))["result"]["_meta"]
    assert meta["homeport/environment"] == "development"
    assert meta["io.modelcontextprotocol/serverInfo"] == {"name": "homeport-development", "version": "0.0.0"}


async def test_a_refused_call_is_a_tool_error_that_a_model_can_act_on(site: Served) -> None:
    result = (await site.call(MODERN, "get_task", {"id": "none"}))["result"]
    assert result["isError"] is True
    error = result["structuredContent"]["error"]
    assert error["code"] == "not_found"
    assert result["content"][0]["text"] == f"{error['message']} {error['hint']}"


@pytest.mark.parametrize("arguments", [{"id": 7}, {}, {"id": "x", "nonsense": True}])
async def test_wrong_arguments_are_a_tool_error(site: Served, arguments: dict[str, Any]) -> None:
    result = (await site.call(MODERN, "get_task", arguments))["result"]
    assert result["isError"] is True
    assert result["structuredContent"]["error"]["code"] == "invalid"


async def test_an_unknown_tool_is_invalid_params(site: Served) -> None:
    response = await site.post(*tool_call(MODERN, "get_nothing", {}))
    assert response.status_code == 400
    assert response.json()["error"]["code"] == -32602


async def test_an_operation_that_is_not_listed_can_be_called(site: Served) -> None:
    body, headers = modern("tools/list")
    listed = [tool["name"] for tool in (await site.post(body, headers)).json()["result"]["tools"]]
    assert "get_available_roles" not in listed
    assert (await site.call(MODERN, "get_available_roles"))["result"]["isError"] is False


async def test_the_list_has_schemas_of_answers_and_may_be_kept_for_a_while(site: Served) -> None:
    body, headers = modern("tools/list")
    result = (await site.post(body, headers)).json()["result"]
    assert result["ttlMs"] == 60_000
    assert result["cacheScope"] == "public"
    assert all("outputSchema" in tool for tool in result["tools"])
    assert result == (await site.post(body, headers)).json()["result"]


async def test_discover_names_the_revision_the_tools_and_how_to_begin(site: Served) -> None:
    result = (await site.post(*modern("server/discover"))).json()["result"]
    assert MODERN in result["supportedVersions"]
    assert "tools" in result["capabilities"]
    assert "bootstrap" in result["instructions"]
    assert "development" in result["instructions"]


@pytest.mark.parametrize("through_sdk", [False, True])
@pytest.mark.parametrize(
    "header",
    [
        {"mcp-name": " get_server_status\t"},
        {"mcp-method": " tools/call "},
        {"mcp-protocol-version": f" {MODERN} "},
        {"mcp-name": f"=?base64?{base64.b64encode(b'get_server_status').decode()}?="},
    ],
)
async def test_blanks_around_headers_and_base64_in_them_are_understood(
    site: Served, header: dict[str, str], through_sdk: bool
) -> None:
    body, headers = tool_call(MODERN, "get_server_status", {}, progress=through_sdk)
    assert (await site.post(body, {**headers, **header})).status_code == 200


@pytest.mark.parametrize(
    "header",
    [
        {"mcp-name": "get_task"},
        {"mcp-name": "=?base64?!!!?="},
        {"mcp-name": ""},
        {"mcp-method": "tools/list"},
        {"mcp-method": ""},
    ],
)
async def test_a_header_that_differs_from_the_body_is_a_mismatch(site: Served, header: dict[str, str]) -> None:
    body, headers = tool_call(MODERN, "get_server_status", {})
    response = await site.post(body, {**headers, **header})
    assert response.status_code == 400
    assert response.json()["error"]["code"] == -32020


@pytest.mark.parametrize("missing", ["mcp-name", "mcp-method", "mcp-protocol-version"])
async def test_a_missing_header_is_a_mismatch(site: Served, missing: str) -> None:
    body, headers = tool_call(MODERN, "get_server_status", {})
    del headers[missing]
    response = await site.post(body, headers)
    assert response.status_code == 400
    assert response.json()["error"]["code"] == -32020
    assert response.json()["id"] == 1


async def test_a_header_that_comes_twice_is_a_mismatch(site: Served) -> None:
    body, headers = tool_call(MODERN, "get_server_status", {})
    pairs = [*headers.items(), ("mcp-name", "get_server_status"), ("content-type", "application/json")]
    response = await site.http.post("/mcp", json=body, headers=pairs)
    assert response.status_code == 400
    assert response.json()["error"]["code"] == -32020


async def test_an_unknown_revision_is_told_what_is_spoken(site: Served) -> None:
    body, headers = tool_call(MODERN, "get_server_status", {})
    body["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"] = "2099-01-01"
    response = await site.post(body, {**headers, "mcp-protocol-version": "2099-01-01"})
    assert response.status_code == 400
    error = response.json()["error"]
    assert error["code"] == -32022
    assert MODERN in error["data"]["supported"]


@pytest.mark.parametrize("key", ["protocolVersion", "clientCapabilities"])
async def test_an_envelope_without_what_is_required_is_refused(site: Served, key: str) -> None:
    body, headers = tool_call(MODERN, "get_server_status", {})
    del body["params"]["_meta"][f"io.modelcontextprotocol/{key}"]
    response = await site.post(body, headers)
    assert response.status_code == 400
    assert response.json()["error"]["code"] == -32602


@pytest.mark.parametrize("client", [{"name": "x"}, {"version": "1"}, {"name": 1, "version": "1"}, "x", []], ids=repr)
async def test_an_envelope_of_a_wrong_shape_is_refused(site: Served, client: object) -> None:
    body, headers = tool_call(MODERN, "get_server_status", {})
    body["params"]["_meta"]["io.modelcontextprotocol/clientInfo"] = client
    response = await site.post(body, headers)
    assert response.status_code == 400
    assert response.json()["error"]["code"] == -32602


async def test_an_unknown_method_is_not_found(site: Served) -> None:
    response = await site.post(*modern("tools/none"))
    assert response.status_code == 404
    assert response.json()["error"]["code"] == -32601


@pytest.mark.parametrize("body", [b"{", b"", b"nonsense", b'{"a": NaN}', b'"\\ud800"', b"\xff\xfe"])
async def test_a_body_that_is_not_json_is_a_parse_error(site: Served, body: bytes) -> None:
    _, headers = modern("ping")
    response = await site.post(body, headers)
    assert response.status_code == 400
    assert response.json()["error"]["code"] == -32700
    assert response.json()["id"] is None


@pytest.mark.parametrize("depth", [65, 1000, 400_000])
async def test_a_body_that_is_nested_too_deep_is_a_parse_error(site: Served, depth: int) -> None:
    _, headers = modern("ping")
    response = await site.post(b"[" * depth + b"]" * depth, headers)
    assert response.status_code == 400
    assert response.json()["error"]["code"] == -32700


@pytest.mark.parametrize("body", [[], [{"jsonrpc": "2.0", "id": 1, "method": "ping"}], "text", 7, None])
async def test_what_is_not_one_request_is_an_invalid_request(site: Served, body: object) -> None:
    _, headers = modern("ping")
    response = await site.post(body, headers)
    assert response.status_code == 400
    assert response.json()["error"]["code"] == -32600


@pytest.mark.parametrize("accept", ["", "text/html", "application/json"])
async def test_a_client_that_does_not_accept_both_kinds_is_refused(site: Served, accept: str) -> None:
    body, headers = tool_call(MODERN, "get_server_status", {})
    assert (await site.post(body, {**headers, "accept": accept})).status_code == 406


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT"])
async def test_there_is_no_stream_to_open_and_no_session_to_delete(site: Served, method: str) -> None:
    response = await site.http.request(method, "/mcp", headers={"mcp-protocol-version": MODERN})
    assert response.status_code == 405
    assert response.headers["allow"] == "POST"


async def test_a_notification_is_accepted(site: Served) -> None:
    body = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}}
    response = await site.post(body, modern("notifications/cancelled")[1])
    assert response.status_code == 202
    assert response.content == b""
