"""The server of plain processes is exchanged for the next one while clients go on, whatever is killed: none fails."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from homeport.environments.services.plans import plan_restart
from homeport.environments.services.steps import AwaitHealth, StartServer, StopServer
from homeport.host.declaration_file import read_declaration
from tests.support.asking import Asking
from tests.support.changing_killed import go_through
from tests.support.later import LATER, later_release, migration, site_packages
from tests.support.migrating import Dock
from tests.support.ports import free_ports
from tests.support.steadily import Steadily
from tests.support.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
OLD, NEW, APART = "20261002T061500Z-aaaaaaa", "20261003T061500Z-bbbbbbb", "20261004T061500Z-ccccccc"
GO: Final = ("--watch", "0.5", "--wait", "60", "--yes")


@pytest.fixture
def dock(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Dock]:
    """Production, served by a release."""
    one = Dock(tmp_path, capsys)
    one.file.write_text(f"{one.file.read_text()}rate_limit = 0\n")
    one.shelved(OLD, "")
    one.serve(OLD)
    yield one
    one.stop()


@pytest.fixture
def harbour(dock: Dock) -> Dock:
    """The same, with another one on the shelf, and one that migrates."""
    dock.shelved(NEW, "")
    dock.shelved(APART)
    return dock


def test_nobody_is_refused_while_releases_come_and_go_and_servers_are_started_anew(harbour: Dock) -> None:
    keeper = json.loads(Path(harbour.environment.pid_file).read_text())["pid"]
    token = harbour.json("token", "create", "production", "--name", "load", "--scope", "write")["token"]
    with Steadily(harbour.environment, token, harbour.directory) as load:
        made = harbour.json("rollback", "production", "--to", NEW, *GO)
        first = harbour.manager.state(harbour.environment).pid
        harbour.json("restart", "production")
        assert harbour.health()["release"] == NEW
        assert harbour.manager.state(harbour.environment).pid != first
        apart = harbour.json("rollback", "production", "--to", APART, *GO)
        assert harbour.health()["release"] == APART
        back = harbour.json("rollback", "production", "--to", OLD, *GO, "--lose")
        assert harbour.health()["release"] == OLD
    assert load.found["failed"] == []
    assert load.found["answered"] > 300
    assert min(load.found["by_kind"].values()) > 3
    assert made["hand_over"]["held_seconds"] == 0
    assert apart["hand_over"]["held_seconds"] > 0
    assert back["hand_over"]["held_seconds"] > 0
    # It held the ports all the time.
    assert json.loads(Path(harbour.environment.pid_file).read_text())["pid"] == keeper
    assert len(harbour.manager.state(harbour.environment).pids) == 1


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_of_ten_thousand_requests_none_fails_in_forty_changes(harbour: Dock) -> None:
    token = harbour.json("token", "create", "production", "--name", "load", "--scope", "write")["token"]
    ways = (("rollback", NEW), ("restart", NEW), ("rollback", APART), ("rollback", OLD))
    with Steadily(harbour.environment, token, harbour.directory, 7200) as load:
        for way, release in ways * 10:
            more = ("--to", release, *GO, *(("--lose",) if release == OLD else ())) if way == "rollback" else ()
            harbour.json(way, "production", *more)
            assert harbour.health()["release"] == release
    assert load.found["failed"] == []
    assert load.found["answered"] >= 10_000
    assert min(load.found["by_kind"].values()) > 50


def breaks(dock: Dock, release: str, how: str) -> None:
    """Has servers of a release that are on the ports do this when they begin."""
    place = site_packages(dock.data.parent / "releases" / release) / "sitecustomize.py"
    place.write_text(f"import os, sys\nif 'serve' in sys.orig_argv and '--socket' not in sys.orig_argv: {how}\n")


@pytest.mark.parametrize(("code", "ends"), [(9, 1), (78, 78)])
def test_a_restart_that_does_not_come_up_leaves_the_one_that_runs(dock: Dock, code: int, ends: int) -> None:
    pids = dock.manager.state(dock.environment).pids
    breaks(dock, OLD, f"os._exit({code})")
    with Asking(dock.environment.health_url) as asking:
        error = dock.json("restart", "production", code=ends)
    assert f"ended with exit code {code}" in error["message"]
    assert dock.manager.state(dock.environment).pids == pids
    assert (dock.operations()[-1].outcome, asking.found["failed"]) == ("undone", [])


def test_a_restart_of_a_program_that_was_changed_under_it_and_migrates_has_callers_wait(dock: Dock) -> None:
    later_release(dock.data.parent / "releases" / OLD, migration(previous=False))
    with Asking(dock.environment.health_url) as asking:
        dock.json("restart", "production")
    assert dock.health()["schema_version"] == LATER
    assert len(dock.manager.state(dock.environment).pids) == 1
    assert asking.found["failed"] == []


def test_a_server_that_is_ill_is_stopped_before_the_next_one_begins(dock: Dock) -> None:
    state = dock.manager.state(dock.environment)
    kinds = [type(step) for step in plan_restart(dock.environment, state).steps]
    assert kinds == [StopServer, StartServer, AwaitHealth]
    assert StopServer not in [type(step) for step in plan_restart(dock.environment, state, healthy=True).steps]


def test_other_ports_or_a_keeper_that_was_killed_are_no_hindrance_to_a_restart(dock: Dock) -> None:
    started = json.loads(Path(dock.environment.pid_file).read_text())
    os.kill(started["pid"], signal.SIGKILL)
    until(lambda: "kept it" in dock.manager.state(dock.environment).note)
    assert not dock.manager.state(dock.environment).hands_over
    dock.json("restart", "production")
    assert dock.manager.state(dock.environment).hands_over
    before, (port,) = str(dock.environment.http_port), free_ports(1)
    dock.file.write_text(dock.file.read_text().replace(before, str(port)))
    dock.json("restart", "production")
    assert dock.health()["release"] == OLD
    assert str(port) in dock.environment.health_url
    # Of what it held before, nobody has anything.
    with socket.create_server(("127.0.0.1", int(before))):
        dock.stop()


def test_what_is_no_question_is_not_answered_and_changes_nothing(dock: Dock) -> None:
    path, pids = (
        json.loads(Path(dock.environment.pid_file).read_text())["control"],
        dock.manager.state(dock.environment).pids,
    )
    assert stat.S_IMODE(Path(path).parent.stat().st_mode) == 0o700
    for question in (
        b"x\n",
        b"[]\n",
        b"{}\n",
        b'{"do": "end", "slot": "blue"}\n',
        b'{"do": "begin", "slot": "green"}\n',
    ):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.connect(path)
            line.sendall(question)
            assert line.recv(100) == b"", question
    dock.json("restart", "production")
    assert len(dock.manager.state(dock.environment).pids) == len(pids)


def test_a_server_that_was_told_to_end_serves_no_more_though_it_has_not_said_so_yet(dock: Dock) -> None:
    """The command that told it was killed, and the next one looks at once: what ends is nothing to go back to."""
    control = json.loads(Path(dock.environment.pid_file).read_text())["control"]
    slots = dock.manager.slots(dock.environment)
    (slot,) = (name for name, seen in slots.look().items() if seen.active)
    pid = dock.manager.state(dock.environment).pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.connect(control)
            line.sendall(json.dumps({"do": "end", "slot": slot, "signal": signal.SIGTERM}).encode() + b"\n")
            assert line.recv(1000)
        seen = slots.look()[slot]
        assert (seen.active, seen.coming) == (False, False)
    finally:
        os.kill(pid, signal.SIGCONT)


def killed(dock: Dock, who: str, points: range, to: str | None = None) -> dict[str, Any]:
    declaration = read_declaration(dock.file, {})
    with Asking(dock.environment.health_url) as asking:
        found = go_through(declaration, dock.environment, who, points, to)
    assert not found["wrong"], json.dumps(found["wrong"], indent=1)
    if who != "server":
        assert asking.found["failed"] == []
        assert asking.found["answered"] > 50
    return found


def test_killed_at_some_points_of_a_change_the_release_before_or_the_next_one_serves(harbour: Dock) -> None:
    found = killed(harbour, "command", range(3, 1000, 13))
    assert len(found["outcomes"]) >= 3


def test_killed_while_callers_wait_for_a_migration_the_release_before_serves_again(harbour: Dock) -> None:
    found = killed(harbour, "hold", range(7, 14, 6), APART)
    assert set(found["outcomes"]) == {"old"}
    assert len(found["outcomes"]) == 2


def test_a_restart_that_is_killed_leaves_one_server(dock: Dock) -> None:
    found = killed(dock, "restart", range(2, 100, 4))
    assert len(found["outcomes"]) >= 3


@pytest.mark.soak
@pytest.mark.timeout(0)
@pytest.mark.parametrize("who", ["command", "server", "restart"])
def test_killed_at_any_point_the_release_before_or_the_next_one_serves(harbour: Dock, who: str) -> None:
    assert len(killed(harbour, who, range(1000))["outcomes"]) > 10


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_killed_at_any_point_while_callers_wait_the_release_before_serves_again(harbour: Dock) -> None:
    assert set(killed(harbour, "hold", range(1000), APART)["outcomes"]) == {"old"}
