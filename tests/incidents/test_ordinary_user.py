"""Everything but systemd and nginx works for an ordinary user, without root, on a machine that has neither."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support.ordinary import OrdinaryUser, missing, ordinary_user
from tests.support.ports import free_ports
from tests.support.process import call_body

REASON = missing()
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.skipif(bool(REASON), reason=REASON)]
PRODUCTION, DEVELOPMENT, LOCAL = "production", "development", "local"


class Team:
    """The user's environments, below ``team`` in an empty home."""

    def __init__(self, user: OrdinaryUser) -> None:
        self.user = user
        ports = free_ports(6)
        self.ports = dict(zip((PRODUCTION, DEVELOPMENT, LOCAL), zip(ports[::2], ports[1::2], strict=True), strict=True))

    def does(self, *words: str, code: int = 0) -> str:
        """What a command prints that is given in the directory of the declaration."""
        return self.user.homeport(*words, directory="team", code=code).stdout

    def reads(self, *words: str, code: int = 0) -> Any:
        return json.loads(self.does(*words, "--json", code=code))

    def call(self, environment: str, token: str, tool: str, /, **arguments: Any) -> Any:
        """An answer of a server; any user may reach its port."""
        url = f"http://127.0.0.1:{self.ports[environment][0]}/mcp"
        headers = {"Authorization": f"Bearer {token}"}
        answer = httpx2.post(url, json=call_body(tool, arguments), headers=headers, timeout=60).json()
        assert "result" in answer, answer
        return answer["result"]["data"]

    def answers(self, environment: str) -> bool:
        with socket.socket() as asking:
            return asking.connect_ex(("127.0.0.1", self.ports[environment][0])) == 0

    def projects(self, environment: str, token: str) -> set[str]:
        return {one["id"] for one in self.call(environment, token, "get_projects")["projects"]}


@pytest.fixture
def team(tmp_path: Path) -> Iterator[Team]:
    with ordinary_user(tmp_path / "home") as user:
        team = Team(user)
        ports = [f"--port={name}={http}:{sse}" for name, (http, sse) in team.ports.items()]
        user.homeport("init", "team", *ports)
        try:
            yield team
        finally:
            for name in (PRODUCTION, DEVELOPMENT):
                if (user.home / "team" / name / "server.pid").exists():
                    team.does("stop", name)


def test_an_ordinary_user_without_systemd_and_nginx_runs_backs_up_proves_syncs_and_restores(team: Team) -> None:
    assert team.user.run("id", "--user").stdout == f"{team.user.uid}\n"
    assert team.user.uid != 0
    told = team.user.homeport("provision", PRODUCTION, "--yes", directory="team", code=3).stderr
    assert "provision needs systemd as the first process of the machine" in told
    assert "homeport start production runs it as a plain process" in told

    team.does("start", PRODUCTION)
    token = team.does("token", "create", PRODUCTION, "--name", "ada").strip()
    team.call(PRODUCTION, token, "create_project", id="kept", name="Kept", description="")

    team.does("backup", "create", PRODUCTION)
    team.does("backup", "drill", PRODUCTION)
    [saved] = team.reads("backup", "list", PRODUCTION)["backups"]

    team.does("sync", PRODUCTION, DEVELOPMENT, "--yes")
    team.does("start", DEVELOPMENT)
    own = team.does("token", "create", DEVELOPMENT, "--name", "ada").strip()
    assert team.projects(DEVELOPMENT, own) == {"kept"}

    shown = {one["environment"]: one for one in team.reads("status")["environments"]}
    assert {name: one["condition"] for name, one in shown.items()} == {
        PRODUCTION: "healthy",
        DEVELOPMENT: "healthy",
        LOCAL: "down",
    }
    assert shown[PRODUCTION]["server"]["manager"] == "processes"
    assert shown[PRODUCTION]["backup"]["proven"]
    # All that is wrong with it: there is one disk; how full that is, is not the user's doing.
    found = {(one["kind"], one["environment"]) for one in team.reads("doctor", code=4)["findings"]}
    assert {one for one in found if one[0] != "disk-nearly-full"} == {("backup-same-disk", PRODUCTION)}

    team.call(PRODUCTION, token, "create_project", id="lost", name="Lost", description="")
    team.does("restore", PRODUCTION, saved["backup"], "--yes")
    assert team.projects(PRODUCTION, token) == {"kept"}
    team.does("restart", DEVELOPMENT)
    assert '"event":"listening"' in team.does("logs", DEVELOPMENT)

    for name in (PRODUCTION, DEVELOPMENT):
        team.does("stop", name)
        assert not team.answers(name)
    foreign = [file for file in team.user.home.rglob("*") if file.lstat().st_uid != team.user.uid]
    assert not foreign
