"""The faults of the earlier server in speaking the protocol, each as a test of its own."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from homeport.errors import UnavailableError
from homeport.operations.schema import input_schema
from homeport.storage.memory import MemoryStore
from tests.support.site import LEGACY, MODERN, Served, modern, served

VERSIONS = [None, *LEGACY, MODERN]


async def test_ping_was_answered_with_an_error() -> None:
    async with served() as site:
        assert await site.old("ping") == {"jsonrpc": "2.0", "id": 1, "result": {}}


async def test_notifications_were_answered_with_errors() -> None:
    async with served() as site:
        for method in ("notifications/initialized", "notifications/cancelled", "notifications/none"):
            response = await site.post({"jsonrpc": "2.0", "method": method})
            assert (response.status_code, response.content) == (202, b"")


@pytest.mark.parametrize("body", [b"{", b"", b'{"jsonrpc": "2.0", "id": 1, "method": "ping",}'])
async def test_malformed_json_was_answered_with_status_500(body: bytes) -> None:
    async with served() as site:
        response = await site.post(body)
        assert response.status_code == 400
        assert response.json()["error"]["code"] == -32700
        assert response.json()["id"] is None
        assert (await site.post(body, path="/api/v1/messages")).status_code == 400


@pytest.mark.parametrize("version", VERSIONS)
async def test_all_errors_read_internal_error(version: str | None) -> None:
    async with served() as site:
        calls: list[tuple[str, dict[str, Any]]] = [("get_task", {"id": "none"}), ("get_task", {}), ("no_such_tool", {})]
        texts = []
        for name, arguments in calls:
            answer = await site.call(version, name, arguments)
            result = answer.get("result")
            texts.append(result["content"][0]["text"] if result else answer["error"]["message"])
            assert "error" not in answer or answer["error"]["code"] != -32603
        assert len(set(texts)) == len(calls)
        assert not [text for text in texts if "Internal error" in text]
        unknown = await site.old("no/such")
        assert unknown["error"]["code"] == -32601


async def test_a_real_fault_was_hidden_for_four_months() -> None:
    """An internal error names the request under which the log has the whole of it."""
    async with served() as site:
        message = (await site.call(None, "broken"))["error"]["message"]
        failure = next(line for line in site.logged() if "traceback" in line)
        assert failure["request_id"] in message
        assert "RuntimeError" in failure["traceback"]


@pytest.mark.parametrize("version", VERSIONS)
async def test_one_bad_tool_schema_broke_every_client_at_once(version: str | None) -> None:
    async with served() as site:
        tools = await _tools(site, version)
        names = [tool["name"] for tool in tools]
        assert len(set(names)) == len(names)
        for tool in tools:
            assert re.fullmatch(r"[a-z_]{1,64}", tool["name"])
            _check(tool["inputSchema"])


async def test_an_operation_that_is_not_listed_has_a_schema_as_good() -> None:
    async with served() as site:
        for operation in site.dispatcher.catalogue.values():
            _check(input_schema(operation.arguments))


@pytest.mark.parametrize("version", VERSIONS)
async def test_unknown_arguments_were_dropped_in_silence(version: str | None) -> None:
    async with served() as site:
        answer = await site.call(version, "get_tasks", {"asignee": "ada"})
        text = str(answer)
        assert "asignee" in text
        assert "unknown argument" in text
        assert (await site.http.get("/api/v1/tasks?asignee=ada")).status_code == 400


@pytest.mark.parametrize("version", VERSIONS)
async def test_the_list_of_tools_filled_a_model_before_it_began(version: str | None) -> None:
    async with served() as site:
        assert len(await _list(site, version)) < 16_000


async def test_health_said_healthy_while_every_write_failed() -> None:
    async with served(_Failing()) as site:
        response = await site.http.get("/health")
        assert response.status_code == 503
        assert response.json()["reasons"] == ["The disk is full."]


class _Failing(MemoryStore):
    async def probe(self) -> None:
        raise UnavailableError("The disk is full.")


def _check(schema: Any) -> None:
    """No reference, no null, plain names, and nothing else allowed: what every major client takes."""
    assert schema["type"] == "object"
    assert schema["additionalProperties"] is False
    for name in schema["properties"]:
        assert re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,63}", name)
    text = str(schema)
    assert "$" not in re.sub(r"'pattern': '[^']*'", "", text)
    assert "'null'" not in text


async def _list(site: Served, version: str | None) -> bytes:
    if version == MODERN:
        response = await site.post(*modern("tools/list"))
    else:
        headers = {"accept": "application/json, text/event-stream", "mcp-protocol-version": version} if version else {}
        response = await site.post({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}, headers)
    return response.content


async def _tools(site: Served, version: str | None) -> list[Any]:
    return list(json.loads(await _list(site, version))["result"]["tools"])
