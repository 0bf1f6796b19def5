"""``homeport deploy``, ``rollback`` and ``releases``, with a real server from a real repository."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from homeport.host.data.program import current_release
from tests.support.ports import free_ports
from tests.support.releases import SERVER, Harbour

SLOW_TO_LISTEN = "import threading\nthreading.Event().wait()\n"


@pytest.fixture
def harbour(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Harbour]:
    one = Harbour(tmp_path, capsys)
    yield one
    one.stop()


def test_a_release_is_built_put_in_place_and_followed_by_another(harbour: Harbour) -> None:
    commit = harbour.release("1")
    first = harbour.deploy("--why", "the first")["release"]
    assert first.endswith(f"Z-{commit[:7]}")
    assert harbour.serves == "1"
    harbour.release("2")
    second = harbour.deploy()["release"]
    assert harbour.serves == "2"
    assert Path(harbour.environment.current_release).resolve().name == second
    found = harbour.releases
    assert [(found[one]["state"], found[one]["serves"]) for one in (first, second)] == [("good", False), ("good", True)]
    assert found[first]["why"] == "the first"
    assert found[first]["commit"] == commit
    assert found[first]["settings"] == harbour.file.read_text()
    assert found[second]["backup"] is not None
    out, _ = harbour.run("releases", "shop")
    assert f"*  {second}" in out


def test_going_back_leaves_a_note_and_takes_the_one_that_served_before(harbour: Harbour) -> None:
    harbour.release("1")
    first = harbour.deploy()["release"]
    harbour.release("2")
    second = harbour.deploy()["release"]
    back = harbour.json("rollback", "shop", "--watch", "0.5", "--why", "it is slow")
    assert back["release"] == first
    assert harbour.serves == "1"
    assert harbour.releases[second]["state"] == "bad"
    assert harbour.releases[second]["reason"] == "it is slow"
    forth = harbour.json("rollback", "shop", "--watch", "0.5", "--to", second)
    assert forth["release"] == second
    assert harbour.serves == "2"
    assert "serves already" in harbour.json("rollback", "shop", "--to", second, code=2)["error"]["message"]
    assert "no release" in harbour.json("rollback", "shop", "--to", "fffffff", code=2)["error"]["message"]


LATER = SERVER.replace("class Handler", "import threading\nthreading.Timer(0.6, os._exit, [9]).start()\nclass Handler")
ASKED = "import itertools\nASKED = itertools.count(1)\nclass Handler"
RED = SERVER.replace("class Handler", ASKED).replace("(200)", "(200 if next(ASKED) < 5 else 503)")
SLOW = SERVER.replace("class Handler", ASKED).replace(
    "body = ", "import time; time.sleep(next(ASKED) > 4 and 1.4); body = ", 1
)
CRASH = {"server.py": "raise SystemExit('no table called agents')\n"}
BROKEN: dict[str, tuple[dict[str, str | None], str]] = {
    "syntax error": ({"server.py": "def (:\n"}, "SyntaxError"),
    "missing dependency": ({"server.py": f"import no_such_module\n{SERVER}"}, "No module named 'no_such_module'"),
    "missing file": ({"version.py": None}, "No module named 'version'"),
    "crash on start": ({**CRASH}, "no table called agents"),
    "health red": ({"server.py": SERVER.replace("send_response(200)", "send_response(503)")}, "status 503"),
    "hangs": ({"server.py": SLOW_TO_LISTEN}, "was not healthy within"),
    "eats memory": ({"server.py": f"HOARD = b'x' * (400 << 20)\n{SERVER}"}, "MiB of memory"),
    "red a little later": ({"server.py": RED}, "became healthy, and is so no more: status 503"),
    "slow a little later": ({"server.py": SLOW}, "to say how it is"),
    "dies a little later": ({"server.py": LATER}, "exit code 9"),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_release_is_told_by_its_cause_and_the_one_before_serves_on(kind: str, harbour: Harbour) -> None:
    files, cause = BROKEN[kind]
    harbour.release("1")
    first = harbour.deploy()["release"]
    harbour.release("2", files)
    watch = ("--watch", "3") if "later" in kind else ()
    said = harbour.deploy("--wait", "3", *watch, code=1)["error"]["message"]
    assert cause in said
    assert harbour.serves == "1"
    assert current_release(harbour.environment) == first
    failed = [one for one in harbour.releases.values() if one["state"] == "failed"]
    assert [cause in one["reason"] for one in failed] == [True]
    harbour.release("3")
    harbour.deploy()
    assert harbour.serves == "3"


def test_a_first_release_that_is_broken_leaves_nothing_in_place(harbour: Harbour) -> None:
    harbour.release("1", CRASH)
    assert "no table called agents" in harbour.deploy(code=1)["error"]["message"]
    assert not os.path.lexists(harbour.environment.current_release)


def test_an_install_that_fails_stops_nothing(harbour: Harbour) -> None:
    harbour.release("1")
    first = harbour.deploy()["release"]
    harbour.declare(f"install = {json.dumps([sys.executable, '-c', 'raise SystemExit(chr(110) * 3)'])}\n")
    pid = harbour.json("status", "shop")["environments"][0]["server"]["pids"]
    harbour.release("2")
    assert "ended with exit code 1: nnn" in harbour.deploy(code=1)["error"]["message"]
    assert harbour.json("status", "shop")["environments"][0]["server"]["pids"] == pid
    assert sorted(path.name for path in Path(harbour.environment.releases_directory).iterdir() if path.is_dir()) == [
        first
    ]


def test_what_install_makes_is_in_the_release_which_nobody_changes_afterwards(harbour: Harbour) -> None:
    make = "import pathlib; pathlib.Path('made').write_text('by install')"
    harbour.declare(f"install = {json.dumps([sys.executable, '-c', make])}\n")
    harbour.release("1")
    release = Path(harbour.environment.releases_directory) / harbour.deploy()["release"]
    assert (release / "made").read_text() == "by install"
    assert {oct(path.stat().st_mode & 0o777) for path in (release, *release.rglob("*"))} == {"0o555", "0o444"}


def test_changes_that_are_in_no_commit_are_refused_or_said_for_ever(harbour: Harbour) -> None:
    commit = harbour.release("1")
    harbour.repository.write({"version.py": "VERSION = '1 and more'\n"})
    assert "version.py" in harbour.deploy(code=3)["error"]["message"]
    harbour.deploy("--ref", "main")
    assert harbour.serves == "1"
    dirty = harbour.deploy("--dirty")["release"]
    assert dirty.endswith(f"{commit[:7]}-dirty")
    assert harbour.serves == "1 and more"
    assert harbour.releases[dirty]["dirty"]
    assert harbour.releases[dirty]["commit"] == commit
    assert harbour.repository.git("status", "--porcelain") == "M version.py"
    assert "Leave one of them out" in harbour.deploy("--dirty", "--ref", "main", code=2)["error"]["hint"]


@pytest.mark.parametrize("ref", ["no-such-branch", "--upload-pack=x", "0123456789", "main:server.py"])
def test_what_is_no_commit_is_refused_before_anything_happens(ref: str, harbour: Harbour) -> None:
    harbour.release("1")
    assert "has no commit" in harbour.deploy(f"--ref={ref}", code=2)["error"]["message"]
    assert not Path(harbour.environment.releases_directory).exists()


def test_an_environment_without_a_source_says_what_to_declare(harbour: Harbour) -> None:
    harbour.file.write_text(harbour.file.read_text().replace("source = 'source'\n", ""))
    assert "declares no source" in harbour.deploy(code=2)["error"]["message"]


def test_a_dry_run_builds_nothing(harbour: Harbour) -> None:
    harbour.release("1")
    out, _ = harbour.run("deploy", "shop", "--dry-run")
    assert out.startswith("would build the release 2")
    assert "healthy within 60 seconds" in out
    assert not Path(harbour.environment.releases_directory).exists()


def test_a_protected_environment_asks_before_it_changes(harbour: Harbour) -> None:
    harbour.declare("protected = true\n")
    harbour.release("1")
    assert "nobody is here to be asked" in harbour.deploy(code=3)["error"]["message"]
    harbour.deploy("--yes")
    assert harbour.serves == "1"


def test_more_good_releases_than_are_kept_go_and_failed_ones_push_none_out(harbour: Harbour) -> None:
    harbour.declare("keep_releases = 2\n")
    made = []
    for version in "123":
        harbour.release(version)
        made.append(harbour.deploy()["release"])
    # Backups were made under the first two, the second one while it served.
    harbour.release("4", CRASH)
    harbour.deploy(code=1)
    kept = harbour.releases
    assert {made[1], made[2]} <= set(kept)
    assert kept[made[0]]["kept"] == ["a kept backup was made under it"]


def test_of_two_that_deploy_at_once_one_is_told_who_is_at_it(harbour: Harbour) -> None:
    harbour.release("1")
    harbour.deploy()
    harbour.release("2")
    words = ["deploy", "shop", "--watch", "1"]
    command = [sys.executable, "-P", "-m", "homeport", "--config", str(harbour.file), *words]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=50) for process in both]
    assert sorted(process.returncode for process in both) == [0, 3], said
    refused = next(said[number][1] for number in range(2) if both[number].returncode == 3)
    assert "Another operation is changing shop" in refused
    assert "deploy shop" in refused
    assert harbour.serves == "2"


TESTED = """
import os, pathlib, sys
tested = pathlib.Path("../tested").read_text().split()
sys.exit(0 if os.environ["HOMEPORT_COMMIT"] in tested else "nobody has tested it")
"""


def test_a_commit_that_the_declared_check_does_not_agree_to_is_refused_or_deployed_anyway(harbour: Harbour) -> None:
    (harbour.directory / "tested").write_text("")
    (harbour.directory / "tested.py").write_text(TESTED)
    command = json.dumps([sys.executable, "../tested.py"])
    harbour.declare(f"[environments.shop.deploy]\ncheck = {command}\n")
    commit = harbour.release("1")
    refused = harbour.deploy(code=3)["error"]
    assert "nobody has tested it" in refused["message"]
    assert not Path(harbour.environment.releases_directory).exists()
    first = harbour.deploy("--anyway", "--why", "in a hurry")["release"]
    assert harbour.releases[first]["why"].startswith("in a hurry; anyway: ")
    (harbour.directory / "tested").write_text(commit)
    checks = {one["check"]: one for one in harbour.deploy()["checks"]}
    assert checks["tests"]["weight"] == "ok"
    assert checks["drill"]["weight"] == "warning"


def test_a_commit_must_be_served_by_the_environment_that_is_to_prove_it(harbour: Harbour) -> None:
    harbour.declare('[environments.shop.deploy]\nproven_in = "trial"\n')
    trial = harbour.directory / "trial"
    port = free_ports(1)[0]
    harbour.file.write_text(
        harbour.file.read_text()
        + f"[environments.trial]\nhttp_port = {port}\nprotocols = ['http']\nservice = 'processes'\n"
        f"command = {json.dumps([sys.executable, '-B', 'server.py'])}\nvariables = {{ PORT = '{port}' }}\n"
        f"checkout = '{trial}'\n"
    )
    harbour.release("1")
    harbour.repository.git("clone", "--quiet", str(harbour.repository.directory), str(trial))
    assert "is not healthy" in harbour.deploy(code=3)["error"]["message"]
    harbour.run("start", "trial")
    try:
        harbour.deploy()
        commit = harbour.release("2")
        assert f"not {commit[:7]}" in harbour.deploy(code=3)["error"]["message"]
    finally:
        harbour.run("stop", "trial")
    assert harbour.serves == "1"
