"""By push: a repository on the machine brings the branches that development follows; real git, hook and server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest

from homeport.host.health import ask_environment
from homeport.host.operation_lock import operation_lock
from homeport.host.services.processes import ProcessManager
from tests.support.checkouts import commit, git
from tests.support.ports import free_ports
from tests.support.pushing import Machine
from tests.support.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    one = Machine(tmp_path)
    yield one
    one.close()


def test_a_pushed_branch_runs_and_one_that_does_not_come_up_is_told_to_who_pushed(machine: Machine) -> None:
    machine.repository()
    assert machine.run("repository")["steps"] == []
    git(machine.home, "switch", "--quiet", "--create", "feature/better-messaging")
    good = machine.write("2")
    said = machine.push()
    assert "remote: development runs" in said
    assert (machine.version, machine.stands) == ("2", ("feature/better-messaging", good))

    bad = machine.write("3", fault="crash")
    said = machine.push()
    assert f"{bad[:12]} of feature/better-messaging does not come up" in said
    assert "no table called agents" in said
    assert (machine.version, machine.stands) == ("2", ("feature/better-messaging", good))

    # Its author mends it by writing the commit anew, which is nobody's loss.
    git(machine.home, "reset", "--quiet", "--hard", good)
    mended = machine.write("4")
    machine.push("--force", "homeport", "HEAD")
    assert (machine.version, machine.stands) == ("4", ("feature/better-messaging", mended))

    pushes = [one for one in machine.operations() if one["operation"] == "push"]
    assert [one["outcome"] for one in pushes] == ["done", "undone", "done"]
    assert all(one["by"]["user"] and "receive" in one["by"]["command"] for one in pushes)
    assert "no table called agents" in pushes[1]["sentence"]
    assert {one["problem"] for one in machine.run("log", "--verify")["environments"]} == {None}


def test_only_followed_branches_are_brought_and_production_follows_none(machine: Machine) -> None:
    machine.repository()
    before = machine.stands
    git(machine.home, "switch", "--quiet", "--create", "release/1")
    machine.write("2")
    said = machine.push()
    assert "release/1 is kept, and no environment follows it (development follows main, feature/*)" in said
    git(machine.home, "tag", "v1")
    assert "remote:" not in machine.push("homeport", "v1")
    assert "release/1 is gone here" in machine.push("--delete", "homeport", "release/1")
    assert (machine.version, machine.stands) == ("1", before)
    assert [one["operation"] for one in machine.operations()] == ["start"]
    assert machine.run("log", "production")["operations"] == []


def test_work_that_was_not_committed_or_never_pushed_is_not_lost_to_a_push(machine: Machine) -> None:
    machine.repository()
    program = machine.checkout / "shop.py"
    before = program.read_text()
    program.write_text(before + "# half done\n")
    machine.write("2")
    said = machine.push()
    assert "has changes that are not committed: shop.py" in said
    assert (machine.version, program.read_text()) == ("1", before + "# half done\n")
    made_there = commit(machine.checkout, "done")
    machine.write("3")
    said = machine.push()
    assert "commits that were made there and never pushed" in said
    assert (machine.version, machine.stands) == ("1", ("main", made_there))


def test_a_push_waits_for_another_operation_and_is_told_whose(machine: Machine) -> None:
    machine.repository()
    journal = Path(machine.development.journal_directory)
    machine.write("2")
    with operation_lock(journal, "development"):
        command = ["git", "-C", str(machine.home), "push", "homeport", "HEAD"]
        log = machine.directory / "push.log"
        with log.open("wb") as out:
            process = subprocess.Popen(command, stderr=out, env={**os.environ, "LC_ALL": "C"})
        until(lambda: "It is waited for" in log.read_text(), within=60)
        assert f"process {os.getpid()}" in log.read_text()
        assert machine.version == "1"
    assert process.wait(120) == 0
    assert [machine.version] == ["2"]


def test_a_place_that_is_taken_and_a_hook_of_somebodys_own_are_not_lost(machine: Machine) -> None:
    taken = machine.root / "repository.git"
    taken.mkdir()
    (taken / "notes").write_text("mine")
    assert "no bare git repository" in machine.run("repository", code=3)["error"]["message"]
    (taken / "notes").unlink()
    taken.rmdir()
    assert "would make" in machine.say("repository", "--dry-run").stdout
    assert not taken.exists()
    machine.repository()
    hook = taken / "hooks" / "post-receive"
    hook.write_text("#!/bin/sh\necho mine\n")
    machine.run("repository")
    assert sys.executable in hook.read_text()
    assert "echo mine" in hook.with_name("post-receive.before").read_text()


def test_a_poll_brings_what_is_new_and_tries_what_fails_once(machine: Machine) -> None:
    assert "nothing new" in machine.say("poll", "development").stdout
    good = machine.write("2")
    machine.say("poll", "development")
    assert (machine.version, machine.stands) == ("2", ("main", good))
    machine.write("3", fault="crash")
    assert "no table called agents" in machine.say("poll", code=1).stderr
    assert (machine.version, machine.stands) == ("2", ("main", good))
    assert "nothing new" in machine.say("poll").stdout
    git(machine.home, "switch", "--quiet", "--create", "feature/x")
    better = machine.write("4")
    machine.say("poll")
    assert (machine.version, machine.stands) == ("4", ("feature/x", better))
    assert [one["operation"] for one in machine.operations()] == ["start", "poll", "poll", "poll"]
    (machine.home / ".git").rename(machine.home / "away")
    assert "ls-remote" in machine.say("poll", code=1).stderr
    assert machine.version == "4"


def test_production_is_deployed_by_a_push_where_it_says_so_and_by_nothing_else(machine: Machine) -> None:
    repository = machine.repository()
    port = free_ports(1)[0]
    table = (
        f"http_port = {port}\nprotocols = ['http']\nservice = 'processes'\nsource = 'repository.git'\n"
        f"command = {json.dumps([sys.executable, 'shop.py'])}\nvariables = {{ PORT = '{port}' }}\n"
        "[environments.production.follow]\nbranches = ['release/*']\n"
    )
    machine.file.write_text(machine.file.read_text() + table)
    production = machine.declaration.environment("production")
    try:
        machine.push()
        assert ask_environment(production).payload == {}
        git(machine.home, "switch", "--quiet", "--create", "release/1")
        good = machine.write("2")
        said = machine.push()
        assert f"production serves {machine.run('releases', 'production')['releases'][-1]['id']}" in said
        assert ask_environment(production).payload["version"] == "2"
        bad = machine.write("3", fault="crash")
        said = machine.push()
        assert "no table called agents" in said
        assert f"{bad[:12]} of release/1 was not deployed to production" in said
        assert ask_environment(production).payload["version"] == "2"
        releases = machine.run("releases", "production")["releases"]
        assert {(one["commit"], one["state"], one["why"]) for one in releases} == {
            (good, "good", "push of release/1"),
            (bad, "failed", "push of release/1"),
        }
        deploys = machine.run("log", "production")["operations"]
        assert [(one["operation"], one["outcome"]) for one in deploys] == [("deploy", "done"), ("deploy", "undone")]
        assert machine.version == "1"
        assert repository.is_dir()
    finally:
        ProcessManager(PurePosixPath("/"), PurePosixPath("/"), grace=10).stop(production)
