"""The official conformance suite against the real application: its site, its middleware, its server."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Final

import anyio
import pytest

from homeport.transports.site import Site
from tests.conformance.fixtures import fixtures
from tests.support.listening import listening
from tests.support.node import NodeTools

REQUIRED: Final = {"2025-11-25": 30, "2026-07-28": 37}
"""How many scenarios a revision requires; frozen with it."""

EXTENSION: Final = {"2025-11-25": 0, "2026-07-28": 9}
"""How many scenarios of the Tasks extension there are, which nothing requires."""
UNSCORED: Final[dict[str, dict[str, str]]] = {"2025-11-25": {}, "2026-07-28": {}}
"""Scenarios that are run and not scored, and fail: each with its reason."""
_LINE: Final = re.compile(r"^([✓✗]) ([a-z0-9-]+): (\d+) passed, (\d+) failed", re.MULTILINE)


@pytest.mark.needs_node
@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.filterwarnings("ignore::mcp.shared.exceptions.MCPDeprecationWarning")
@pytest.mark.parametrize("revision", list(REQUIRED))
async def test_every_required_scenario_passes_and_the_others_fail_for_known_reasons(
    node_tools: NodeTools, tmp_path: Path, revision: str
) -> None:
    site: list[Site] = []

    def announce(kind: str) -> None:
        site[0].subscriptions.announce(kind)

    async with listening(extension=fixtures(announce)) as server:
        site.append(server.served.site)
        arguments = ["server", "--url", f"{server.url}/mcp", "--requirements", revision, "-o", str(tmp_path)]
        done = await anyio.run_process([*node_tools.tool("conformance"), *arguments], check=False)
    told = done.stdout.decode().partition("=== SUMMARY ===")[2]
    scored = {name: int(failed) for _, name, _, failed in _LINE.findall(told)}
    failing = {name for name, failed in scored.items() if failed}
    assert failing == set(UNSCORED[revision]), f"{told}\n{_found(tmp_path)}"
    assert len(set(scored) - set(UNSCORED[revision])) >= REQUIRED[revision]
    assert sum(name.startswith("tasks-") for name in scored) >= EXTENSION[revision]
    assert done.returncode == 0, told
    assert not [line for line in server.served.logged() if line["event"] != "request"]


def _found(directory: Path) -> str:
    """What the suite found wrong, with its words."""
    checks = [one for file in directory.glob("*/checks.json") for one in json.loads(file.read_text())]
    wrong = [one for one in checks if one["status"] in ("FAILURE", "WARNING")]
    return "\n".join(f"{one['id']}: {one.get('errorMessage')}" for one in wrong)
