"""The inspector's command line, by which people look at a server before they trust their agents to it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.interop.workspace import Homeport
from tests.support.node import NodeTools

pytestmark = [pytest.mark.slow, pytest.mark.needs_node]

REFUSED = 5
"""Exit code of the inspector for a tool that answers with ``isError``."""


@pytest.fixture(params=["legacy", "modern", "sse"])
def target(request: pytest.FixtureRequest, homeport: Homeport, tmp_path: Path) -> list[str]:
    """The inspector's arguments that name the server: an address, or a file that names the revision too."""
    if request.param == "legacy":
        return [homeport.mcp, "--transport", "http"]
    if request.param == "sse":
        return [homeport.sse, "--transport", "sse"]
    server = {"type": "streamable-http", "url": homeport.mcp, "protocolEra": "modern"}
    file = tmp_path / "mcp.json"
    file.write_text(json.dumps({"mcpServers": {"homeport": server}}))
    return ["--config", str(file), "--server", "homeport"]


async def test_the_inspector_lists_and_calls_tools(
    homeport: Homeport, node_tools: NodeTools, target: list[str]
) -> None:
    async def inspect(*arguments: str) -> subprocess.CompletedProcess[bytes]:
        command = [*node_tools.tool("mcp-inspector"), "--cli", *target, *arguments]
        return await anyio.run_process(command, cwd=node_tools.directory, check=False)

    listed = await inspect("--method", "tools/list", "--strict")
    assert listed.returncode == 0, listed.stderr.decode()
    assert json.loads(listed.stdout)["tools"][0]["name"] == "bootstrap"

    me = ("--tool-arg", "instanceId=ada", "role=Developer")
    called = await inspect("--method", "tools/call", "--tool-name", "bootstrap", *me)
    assert called.returncode == 0, called.stderr.decode()
    assert _answer(called.stdout)["identity"]["id"] == "ada"

    refused = await inspect("--method", "tools/call", "--tool-name", "get_task", "--tool-arg", "id=none")
    assert refused.returncode == REFUSED
    assert "Call get_tasks to see what there is." in refused.stdout.decode()


def _answer(output: bytes) -> Any:
    result = json.loads(output)
    return result.get("structuredContent") or json.loads(result["content"][0]["text"])
