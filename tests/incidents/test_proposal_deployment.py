"""The proposal's own deployment, a Node program with JSON data: deployed, broken and rolled back by Homeport."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.node import NodeTools
from tests.support.proposal import SERVER, Team

pytestmark = [pytest.mark.slow, pytest.mark.needs_node, pytest.mark.timeout(300)]


@pytest.fixture
def team(tmp_path: Path, node_tools: NodeTools) -> Iterator[Team]:
    one = Team(tmp_path, node_tools.node)
    yield one
    one.close()


def test_it_is_deployed_broken_and_rolled_back_and_no_message_is_lost(team: Team) -> None:
    first = team.deploy()
    assert (team.serves()["version"], team.serves()["environment"]) == ("1", "production")
    sample = json.loads((team.data("production") / "instances.json").read_text())
    count = team.write("before-the-second")

    team.version("2")
    second = team.deploy("--why", "a better inbox")
    assert second["backup"] is not None
    assert team.serves() == {**team.serves(), "version": "2", "messages": count}
    count = team.write("after-the-second")

    # A package that was not installed and a file that was not committed took the proposal's production down.
    broken = {
        "no such package": SERVER.replace('require("node:http")', 'require("not-installed")'),
        "no such file": SERVER.replace("./version.js", "./forgotten.js"),
        "a crash": f'throw new Error("no table called agents")\n{SERVER}',
        "an ill health": SERVER.replace('status: "healthy"', 'status: "degraded"'),
    }
    causes = ("Cannot find module 'not-installed'", "Cannot find module './forgotten.js'", "no table called", "status")
    for (what, program), cause in zip(broken.items(), causes, strict=True):
        team.version(f"3, {what}", server_js=program)
        error = team.deploy(code=1)["error"]
        assert cause in error["message"], what
        assert (team.serves()["version"], team.serves()["messages"]) == ("2", count)

    back = team.run("rollback", "production", "--yes", "--watch", "0.5", "--why", "it is slow")
    assert back["release"] == first["release"]
    assert (team.serves()["version"], team.serves()["messages"]) == ("1", count)
    assert team.subjects()[-2:] == ["/before-the-second", "/after-the-second"]
    states = {one["id"]: one["state"] for one in team.run("releases", "production")["releases"]}
    assert (states[first["release"]], states[second["release"]]) == ("good", "bad")
    assert json.loads((team.data("production") / "instances.json").read_text()) == sample

    # And the data, to the backup that was made before the second release.
    team.say("restore", "production", second["backup"], "--yes")
    assert (team.subjects()[-1], team.serves()["messages"]) == ("/before-the-second", count - 1)
