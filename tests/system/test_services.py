"""``homeport start``, ``stop``, ``restart``, ``logs`` and ``status`` on a machine: by real systemd, and without it.

What both ways of running a server promise is one set of sentences, tried on each; one machine for all.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.machine import Machine, booted
from tests.support.machines.image import ROOT
from tests.system.provisioned import BOTH, FILE, provision

SLOTS: Final = ("homeport-development@blue.service", "homeport-development@green.service")
REMOTE: Final = "/srv/remote"
CHECKOUT: Final = "/srv/checkout"
PLAIN: Final = "/home/kai/homeport.toml"
PROCESSES: Final = """\
[environments.development]
service = "processes"
http_port = 4446
sse_port = 4447
"""
# What a commit asks for, without a network: an interpreter of the checkout's own, its source, and what is installed.
INSTALL: Final = """\
import pathlib, subprocess, sys
subprocess.run([sys.executable, "-m", "venv", "--without-pip", ".venv"], check=True)
(packages,) = pathlib.Path(".venv/lib").glob("python3*/site-packages")
(installed,) = pathlib.Path("/opt/homeport/lib").glob("python3*/site-packages")
(packages / "homeport.pth").write_text(f"{pathlib.Path('src').absolute()}\\n{installed}\\n")
"""


@dataclass(frozen=True)
class Keeper:
    """Whoever runs the server of development, and who talks to it."""

    machine: Machine
    kind: str
    file: str
    user: str
    port: int

    def homeport(self, *words: str, code: int = 0) -> Any:
        """What a command answers; it must end with this code."""
        done = self.machine.run(["homeport", *words, "--json", "--config", self.file], check=False, user=self.user)
        assert done.code == code, done.out + done.err
        return json.loads(done.out.splitlines()[-1] if code == 0 else done.err.splitlines()[-1])

    def seen(self) -> Any:
        return self.homeport("status", "development")["environments"][0]

    def answers(self) -> bool:
        return self.machine.answers(f"http://127.0.0.1:{self.port}/health")


@pytest.fixture(scope="module")
def served(image: Sequence[Path], machines_home: Path) -> Iterator[Machine]:
    """A machine on which systemd runs development, and on which an ordinary user may run another one."""
    with booted(image, machines_home) as machine:
        machine.add_user("kai")
        machine.write(PLAIN, PROCESSES, owner="kai")
        machine.write(FILE, BOTH)
        provision(machine, "development", "--yes")
        yield machine


def keeper_of(machine: Machine, kind: str) -> Keeper:
    if kind == "systemd":
        return Keeper(machine, kind, FILE, "root", 3446)
    return Keeper(machine, kind, PLAIN, "kai", 4446)


@pytest.fixture(params=["systemd", "processes"])
def keeper(served: Machine, request: pytest.FixtureRequest) -> Iterator[Keeper]:
    """Each of the two, with the server running."""
    keeper = keeper_of(served, request.param)
    keeper.homeport("start", "development")
    yield keeper
    keeper.homeport("start", "development")


# --- what both promise ---


def test_a_server_that_runs_is_known_by_its_process_and_starting_it_changes_nothing(keeper: Keeper) -> None:
    found = keeper.seen()
    assert (found["condition"], found["server"]["manager"]) == ("healthy", keeper.kind)
    assert found["drift"] == ([] if keeper.kind == "systemd" else None)
    assert all(port["own"] for port in found["ports"])
    holder = keeper.machine.run(["ss", "-ltnpH", f"sport = :{keeper.port}"]).out
    assert f"pid={found['server']['pids'][0]}," in holder
    assert not keeper.homeport("start", "development")["changed"]
    assert keeper.seen()["server"]["pids"] == found["server"]["pids"]


def test_a_server_that_is_stopped_is_down_until_it_is_started(keeper: Keeper) -> None:
    assert keeper.homeport("stop", "development")["changed"]
    assert keeper.seen()["condition"] == "down"
    assert not keeper.answers()
    assert not keeper.homeport("stop", "development")["changed"]
    assert keeper.homeport("start", "development")["changed"]
    assert keeper.answers()


def test_a_restart_is_another_process_on_the_same_data(keeper: Keeper) -> None:
    before = keeper.seen()
    again = keeper.homeport("restart", "development")
    assert again["server"]["pids"][0] not in before["server"]["pids"]
    assert (keeper.seen()["condition"], keeper.seen()["data"]) == ("healthy", before["data"])


def test_the_end_of_its_log_is_read(keeper: Keeper) -> None:
    command = ["homeport", "logs", "development", "--config", keeper.file, "-n"]
    assert '"event":"listening"' in keeper.machine.run([*command, "500"], user=keeper.user).out
    assert len(keeper.machine.run([*command, "1"], user=keeper.user).out.splitlines()) == 1


def test_a_stranger_on_the_port_is_named_and_left_alone(keeper: Keeper) -> None:
    machine = keeper.machine
    keeper.homeport("stop", "development")
    by_hand = machine.start(["python3", "-m", "http.server", str(keeper.port), "--bind", "127.0.0.1"], user="kai")
    machine.until(lambda: machine.answers(f"http://127.0.0.1:{keeper.port}/"))
    error = keeper.homeport("start", "development", code=78)["error"]
    assert error["details"]["holder"]["pid"] == by_hand.pid
    assert "http.server" in error["message"]
    keeper.homeport("stop", "development", code=3)
    assert by_hand.is_running
    found = keeper.seen()
    assert (found["condition"], found["ports"][0]["own"]) == ("unmanaged", False)
    by_hand.kill()


def test_a_server_that_cannot_start_is_told_with_its_last_line_and_is_not_left_running(keeper: Keeper) -> None:
    keeper.homeport("stop", "development")
    identity = f"{keeper.seen()['data']}/identity.json"
    text = keeper.machine.read(identity)
    keeper.machine.run(["tee", identity], input=text.replace('"development"', '"production"'))
    error = keeper.homeport("start", "development", code=78)["error"]
    assert "exit code 78" in error["message"]
    assert "holds data of production, not of development" in error["message"]
    assert keeper.homeport("log", "development")["operations"][-1]["outcome"] == "undone"
    assert not keeper.answers()
    keeper.machine.run(["tee", identity], input=text)


# --- what only one of them does ---


def test_a_server_that_was_killed_is_started_again_by_systemd_and_that_is_counted(served: Machine) -> None:
    keeper = keeper_of(served, "systemd")
    keeper.homeport("start", "development")
    before = keeper.seen()
    served.run(["kill", "-9", str(before["server"]["pids"][0])])
    served.until(lambda: keeper.seen()["server"]["restarts"] == before["server"]["restarts"] + 1, within=60)
    served.until(lambda: keeper.seen()["condition"] == "healthy", within=60)
    assert keeper.seen()["server"]["pids"][0] != before["server"]["pids"][0]


def test_an_ordinary_user_may_look_and_is_told_what_only_root_may(served: Machine) -> None:
    keeper_of(served, "systemd").homeport("start", "development")
    kai = Keeper(served, "systemd", FILE, "kai", 3446)
    found = kai.seen()
    assert found["condition"] == "healthy"
    assert found["unseen"]
    kai.homeport("stop", "development", code=1)
    assert kai.seen()["condition"] == "healthy"


def test_a_plain_process_outlives_its_command_and_its_pid_file_a_power_failure(served: Machine) -> None:
    kai = keeper_of(served, "processes")
    kai.homeport("start", "development")
    # Root sees whose it is, and that it is the declared one.
    root = Keeper(served, "processes", PLAIN, "root", 4446)
    assert root.seen()["server"]["pids"] == kai.seen()["server"]["pids"]
    served.kill()
    served.boot()
    stale = kai.seen()
    assert not stale["server"]["running"]
    assert "stale" in stale["server"]["note"]
    kai.homeport("start", "development")
    kai.homeport("stop", "development")


def commit(machine: Machine, version: str, broken: str = "") -> str:
    """A new version in the remote, which says so itself; its commit."""
    package = f"{REMOTE}/src/homeport/__init__.py"
    text = re.sub(r"(?m)^(__version__: Final) = .*$", rf'\1 = "{version}"', machine.read(package))
    machine.write(package, text.partition("# broken")[0] + (f"# broken\n{broken}\n" if broken else ""))
    who = ["-c", "user.name=Kai", "-c", "user.email=kai@example.org"]
    machine.run(["git", "-C", REMOTE, "add", "--all"])
    machine.run(["git", "-C", REMOTE, *who, "commit", "--quiet", "--message", version])
    return machine.run(["git", "-C", REMOTE, "rev-parse", "HEAD"]).out.strip()


def test_a_commit_is_pulled_under_systemd_and_one_that_does_not_come_up_goes_back(served: Machine) -> None:
    keeper = keeper_of(served, "systemd")
    served.run(["git", "init", "--quiet", "--initial-branch=main", REMOTE])
    served.copy(ROOT / "src", REMOTE)
    served.write(f"{REMOTE}/install.py", INSTALL)
    served.write(f"{REMOTE}/.gitignore", ".venv\n__pycache__\n")
    commit(served, "5.0.0")
    served.run(["git", "clone", "--quiet", REMOTE, CHECKOUT])
    served.run(["/opt/homeport/bin/python", "install.py"], cwd=CHECKOUT)
    checkout = f'checkout = "{CHECKOUT}"\ninstall = ["/opt/homeport/bin/python", "install.py"]\n'
    served.write(FILE, BOTH + checkout)
    provision(served, "development", "--yes")
    assert keeper.seen()["version"] == "5.0.0"

    good = commit(served, "5.0.1")
    assert keeper.homeport("restart", "development", "--pull")["changed"]
    found = keeper.seen()
    assert (found["condition"], found["version"]) == ("healthy", "5.0.1")
    assert found["server"]["unit"] in SLOTS

    commit(served, "5.0.2", "raise SystemExit('no table called agents')")
    error = keeper.homeport("restart", "development", "--pull", code=1)["error"]
    assert "no table called agents" in error["message"]
    assert served.run(["git", "-C", CHECKOUT, "rev-parse", "HEAD"]).out.strip() == good
    found = keeper.seen()
    assert (found["condition"], found["version"]) == ("healthy", "5.0.1")
    assert found["server"]["unit"] in SLOTS
    assert keeper.homeport("log", "development")["operations"][-1]["outcome"] == "undone"
