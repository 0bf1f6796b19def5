"""``homeport restart --pull``: forward with real git repositories, and back when the server does not come up."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from homeport.cli.hands import hands_of
from homeport.environments.declaration import parse_declaration
from homeport.environments.environment import Environment
from homeport.environments.services.plans import plan_bring, plan_pull
from homeport.host.carrying import Carrier
from homeport.host.health import ask_environment
from homeport.host.journal import Journal
from homeport.host.services.following import find_commit
from homeport.host.services.git import find_target
from homeport.host.services.processes import ProcessManager
from tests.support.command_line import CommandLine
from tests.support.dying import CountedJournal, Point, counted_hands, killed_at
from tests.support.foreign import PROGRAM
from tests.support.ports import free_ports
from tests.support.waiting import until

MANAGER = ProcessManager(PurePosixPath("/"), PurePosixPath("/"), grace=10)
STRIDES = pytest.mark.parametrize("stride", [4, pytest.param(1, marks=pytest.mark.soak)])
"""Every fourth point; all of them with ``make soak``."""
INSTALL = "import pathlib; pathlib.Path('installed').write_text(pathlib.Path('lock').read_text())\n"


class Shop:
    """A remote, a checkout of it, and an environment that runs from it."""

    def __init__(self, directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._commands = CommandLine(directory / "homeport.toml", capsys)
        self.directory = directory
        self.remote = directory / "remote"
        self.checkout = directory / "checkout"
        self.remote.mkdir()
        self.git(self.remote, "init", "--quiet", "--initial-branch=main")
        (self.remote / ".gitignore").write_text("installed\n")
        (self.remote / "install.py").write_text(INSTALL)
        self.commit("1", lock="a==1")
        self.git(directory, "clone", "--quiet", str(self.remote), str(self.checkout))
        file = directory / "homeport.toml"
        file.write_text(self._declaration(free_ports(1)[0]))
        self.declaration = parse_declaration(file.read_text(), PurePosixPath(file))
        for path in self.environment.directories:
            Path(path).mkdir(parents=True, exist_ok=True)

    def _declaration(self, port: int) -> str:
        return (
            f"[environments.shop]\nhttp_port = {port}\nprotocols = ['http']\nservice = 'processes'\n"
            f"command = {json.dumps([sys.executable, 'shop.py'])}\nvariables = {{ PORT = '{port}' }}\n"
            f"checkout = 'checkout'\ninstall = {json.dumps([sys.executable, 'install.py'])}\n"
        )

    @property
    def environment(self) -> Environment:
        return self.declaration.environment("shop")

    def git(self, directory: Path, *words: str) -> str:
        who = ("-c", "user.name=Kai", "-c", "user.email=kai@example.org", "-c", "commit.gpgsign=false")
        done = subprocess.run(["git", "-C", str(directory), *who, *words], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def commit(self, version: str, *, lock: str = "", fault: str = "", where: Path | None = None) -> str:
        """A new version in the remote; its commit."""
        place = where or self.remote
        program = PROGRAM.replace('os.environ.get("VERSION", "1")', repr(version))
        (place / "shop.py").write_text(program.replace('os.environ.get("FAULT", "")', repr(fault)))
        if lock:
            (place / "lock").write_text(lock)
        self.git(place, "add", "--all")
        self.git(place, "commit", "--quiet", "--message", f"version {version}")
        return self.git(place, "rev-parse", "HEAD")

    def run(self, *words: str, code: int = 0) -> Any:
        return self._commands.json(*words, code=code)

    def pull(self, code: int = 0) -> Any:
        return self.run("restart", "shop", "--pull", "--wait", "20", code=code)

    @property
    def head(self) -> str:
        return self.git(self.checkout, "rev-parse", "HEAD")

    @property
    def version(self) -> object:
        """Of the server that answers; None where none does."""
        return ask_environment(self.environment).payload.get("version")

    @property
    def installed(self) -> str:
        file = self.checkout / "installed"
        return file.read_text() if file.exists() else ""


@pytest.fixture
def shop(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Shop]:
    one = Shop(tmp_path, capsys)
    yield one
    MANAGER.stop(one.environment)


def test_a_good_commit_runs_with_what_its_lock_file_asks_for(shop: Shop) -> None:
    shop.run("start", "shop")
    assert shop.version == "1"
    commit = shop.commit("2", lock="a==2")
    shop.pull()
    assert (shop.version, shop.head, shop.installed) == ("2", commit, "a==2")
    assert shop.git(shop.checkout, "status", "--short", "--branch").splitlines() == ["## main...origin/main"]


def test_a_server_that_did_not_run_runs_afterwards(shop: Shop) -> None:
    commit = shop.commit("2")
    shop.pull()
    assert (shop.version, shop.head) == ("2", commit)


def test_a_commit_whose_server_does_not_come_up_is_gone_back_from(shop: Shop) -> None:
    before = shop.head
    shop.pull()
    shop.commit("2", lock="a==2", fault="crash")
    error = shop.pull(code=1)["error"]
    assert "no table called agents" in error["message"]
    assert (shop.version, shop.head, shop.installed) == ("1", before, "a==1")
    assert shop.run("log", "shop")["operations"][-1]["outcome"] == "undone"
    commit = shop.commit("3", lock="a==3", fault="")
    shop.pull()
    assert (shop.version, shop.head, shop.installed) == ("3", commit, "a==3")


def test_an_install_that_fails_does_not_touch_the_server_that_runs(shop: Shop) -> None:
    before = shop.head
    shop.pull()
    pid = MANAGER.state(shop.environment).pid
    (shop.remote / "install.py").write_text("raise SystemExit('no such package')\n")
    shop.commit("2", lock="a==2")
    assert "no such package" in shop.pull(code=1)["error"]["message"]
    assert (shop.version, shop.head, shop.installed) == ("1", before, "a==1")
    assert MANAGER.state(shop.environment).pid == pid


def test_a_dry_run_names_the_commit_and_gets_nothing(shop: Shop) -> None:
    before, commit = shop.head, shop.commit("2")
    steps = shop.run("restart", "shop", "--pull", "--dry-run")["plan"]["steps"]
    assert [step["commit"] for step in steps if step["step"] == "CheckOut"] == [commit]
    assert shop.head == before
    assert not (shop.checkout / ".git" / "FETCH_HEAD").exists()


def test_a_checkout_with_changes_is_refused(shop: Shop) -> None:
    shop.commit("2")
    (shop.checkout / "lock").write_text("mine")
    error = shop.pull(code=3)["error"]
    assert error["details"]["changed"] == ["lock"]
    assert (shop.checkout / "lock").read_text() == "mine"


def test_a_file_that_git_does_not_know_and_that_is_in_the_way_is_kept(shop: Shop) -> None:
    before = shop.head
    (shop.remote / "notes").write_text("theirs")
    shop.commit("2")
    (shop.checkout / "notes").write_text("mine")
    shop.pull(code=1)
    assert (shop.checkout / "notes").read_text() == "mine"
    assert shop.head == before


def test_commits_that_the_remote_lacks_are_refused_and_kept(shop: Shop) -> None:
    mine = shop.commit("mine", where=shop.checkout)
    shop.commit("2")
    assert "commits that its remote lacks" in shop.pull(code=3)["error"]["message"]
    assert shop.head == mine


def test_another_branch_than_the_declared_one_is_refused(shop: Shop) -> None:
    with (shop.directory / "homeport.toml").open("a") as file:
        file.write("branch = 'release'\n")
    assert "is on main, not on release" in shop.pull(code=3)["error"]["message"]
    shop.git(shop.checkout, "checkout", "--quiet", "--detach")
    assert "is on no branch" in shop.pull(code=3)["error"]["message"]


def test_a_remote_that_is_gone_changes_nothing(shop: Shop) -> None:
    shop.run("start", "shop")
    shop.remote.rename(shop.directory / "elsewhere")
    assert "git fetch" in shop.pull(code=1)["error"]["message"]
    assert shop.version == "1"


def test_a_remote_that_nobody_listens_on_is_told(shop: Shop) -> None:
    shop.git(shop.checkout, "remote", "set-url", "origin", f"http://127.0.0.1:{free_ports(1)[0]}/shop.git")
    assert "git fetch" in shop.pull(code=1)["error"]["message"]


def test_a_directory_that_is_no_checkout_is_told(shop: Shop) -> None:
    (shop.checkout / ".git").rename(shop.directory / "git")
    assert "not a git repository" in shop.pull(code=1)["error"]["message"]


def test_an_environment_without_a_checkout_is_refused(shop: Shop) -> None:
    file = shop.directory / "homeport.toml"
    kept = [line for line in file.read_text().splitlines() if not line.startswith(("checkout", "install"))]
    file.write_text("\n".join(kept))
    assert shop.pull(code=2)["error"]["code"] == "usage"


@pytest.mark.slow
@pytest.mark.timeout(600)
@STRIDES
@pytest.mark.parametrize("fault", ["", "crash"])
def test_a_pull_that_is_killed_anywhere_is_undone_or_done_by_the_next_run(fault: str, stride: int, shop: Shop) -> None:
    before = shop.head
    shop.pull()
    commit = shop.commit("2", lock="a==2", fault=fault)
    environment, journal = shop.environment, Path(shop.environment.journal_directory)
    hands = hands_of(shop.declaration, shop.environment)

    def pull(point: Point) -> None:
        counted = CountedJournal(journal)
        counted.point = point
        _, target = find_target(environment)
        plan = plan_pull(environment, MANAGER.state(environment), target, 60)
        Carrier(counted, counted_hands(hands, point)).carry_out(plan)

    number = 0
    while _is_killed(number, pull, fault):
        Carrier(Journal(journal), hands).heal()
        outcome = Journal(journal).operations()[-1].outcome
        new = outcome == "done" and not fault
        # Killed after the last word was written: then it is done; else it is as it was.
        expected = ("2", commit, "a==2") if new and shop.head == commit else ("1", before, "a==1")
        assert (shop.version, shop.head, shop.installed) == expected, number
        if shop.head == commit:
            shop.git(shop.checkout, "reset", "--quiet", "--hard", before)
            (shop.checkout / "installed").write_text("a==1")
            MANAGER.restart(environment)
            # What is not well when the next pull begins would not be waited for when that is taken back.
            until(lambda: shop.version == "1", within=30)
        number += stride
    assert number > 15


@pytest.mark.slow
@pytest.mark.timeout(600)
@STRIDES
def test_a_pushed_branch_that_is_killed_on_its_way_leaves_the_branch_before_or_the_new_one(
    shop: Shop, stride: int
) -> None:
    before = shop.head
    shop.pull()
    shop.git(shop.remote, "switch", "--quiet", "--create", "feature/x")
    commit = shop.commit("2", lock="a==2")
    environment, journal = shop.environment, Path(shop.environment.journal_directory)
    hands = hands_of(shop.declaration, shop.environment)

    def push(point: Point) -> None:
        counted = CountedJournal(journal)
        counted.point = point
        target = find_commit(environment, "origin", "feature/x")
        plan = plan_bring("push", environment, MANAGER.state(environment), "feature/x", target, 60)
        Carrier(counted, counted_hands(hands, point)).carry_out(plan)

    number = 0
    while killed_at(number, push):
        Carrier(Journal(journal), hands).heal()
        stands = (shop.version, shop.git(shop.checkout, "symbolic-ref", "--short", "HEAD"), shop.head, shop.installed)
        assert stands in (("1", "main", before, "a==1"), ("2", "feature/x", commit, "a==2")), number
        if shop.head == commit:
            shop.git(shop.checkout, "switch", "--quiet", "main")
            (shop.checkout / "installed").write_text("a==1")
            MANAGER.restart(environment)
            # What is not well when the next pull begins would not be waited for when that is taken back.
            until(lambda: shop.version == "1", within=30)
        number += stride
    assert number > 15


def _is_killed(number: int, pull: Any, fault: str) -> bool:
    if not fault:
        return killed_at(number, pull)

    def failing(point: Point) -> None:
        try:
            pull(point)
        except Exception:  # noqa: BLE001 - it fails in the end, and all of that is to be survived
            os._exit(0)

    return killed_at(number, failing)
