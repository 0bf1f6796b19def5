"""The earlier system ran two servers on one directory, one for each protocol; it was corrupt in two of three runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import anyio
import httpx2
import mcp
import pytest
from mcp.client.sse import sse_client
from mcp_types import TextContent

from tests.interop.workspace import serving

EACH: Final = 100
WIDTH: Final = 10
"""Writers of each protocol at once."""


@pytest.mark.slow
async def test_clients_of_both_ports_write_at_once_and_every_message_is_there_once_and_whole(tmp_path: Path) -> None:
    with serving(tmp_path) as homeport:
        async with (
            mcp.Client(sse_client(homeport.sse), mode="legacy") as over_sse,
            mcp.Client(homeport.mcp) as over_http,
        ):
            await over_http.call_tool("register_instance", {"instanceId": "reader", "role": "dev"})
            async with anyio.create_task_group() as group:
                for writer in range(WIDTH):
                    group.start_soon(_write, over_sse, f"sse-{writer}")
                    group.start_soon(_write, over_http, f"http-{writer}")
        await homeport.restart()
        async with httpx2.AsyncClient(timeout=30) as http:
            found = await _inbox(http, homeport.mcp)
    sent = {
        f"{protocol}-{writer} {number}"
        for protocol in ("sse", "http")
        for writer in range(WIDTH)
        for number in _numbers()
    }
    assert sorted(found) == sorted(sent)


def _numbers() -> range:
    return range(EACH // WIDTH)


async def _write(client: mcp.Client, writer: str) -> None:
    for number in _numbers():
        text = f"{writer} {number}"
        message = {"from": writer, "to": "reader", "subject": text, "content": f"{text} " * 200}
        result = await client.call_tool("send_message", message)
        assert not result.is_error, result.content
        if writer.startswith("sse"):
            (content,) = result.content
            assert isinstance(content, TextContent)
            assert json.loads(content.text)["message"]["subject"] == text


async def _inbox(http: httpx2.AsyncClient, url: str) -> list[str]:
    """The subjects of all messages of the reader, each of whose bodies is as it was sent."""
    found: list[str] = []
    given: dict[str, Any] = {"instanceId": "reader"}
    while True:
        page = await _call(http, url, "get_messages", given)
        for line in page["messages"]:
            message = (await _call(http, url, "get_message", {"id": line["id"]}))["message"]
            assert message["body"] == f"{message['subject']} " * 200
            found.append(message["subject"])
        if "next_cursor" not in page:
            return found
        given = {"instanceId": "reader", "cursor": page["next_cursor"]}


async def _call(http: httpx2.AsyncClient, url: str, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "arguments": arguments}}
    return dict((await http.post(url, json=body)).json()["result"]["data"])
