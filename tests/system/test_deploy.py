"""deploy and rollback on a machine with real systemd and nginx: of Homeport itself, built from commits."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from homeport.environments.machine.units import STARTS
from homeport.storage.migrations.revisions import HEAD
from tests.support import asking, changing_killed, dying, waiting
from tests.support.later import LATER, turns_red
from tests.support.machine import booted
from tests.support.machines.image import wheelhouse
from tests.system.harbour import Harbour, Load
from tests.system.provisioned import FILE, homeport

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def harbour(image: Sequence[Path], machines_home: Path) -> Iterator[Harbour]:
    """A machine that serves a first release."""
    with booted(image, machines_home) as machine, wheelhouse() as wheels:
        harbour = Harbour(machine, wheels)
        assert harbour.health["release"] is None
        first = harbour.deploy()["release"]
        assert harbour.health["release"] == first
        yield harbour


@pytest.mark.timeout(1200)
def test_nobody_is_refused_while_releases_come_and_go(harbour: Harbour) -> None:
    before = harbour.health["release"]
    with Load(harbour, 1200) as load:
        harbour.commit({})
        second = harbour.deploy()["release"]
        assert harbour.health["release"] == second
        harbour.change("rollback", "production", "--to", before, "--watch", "1")
        assert harbour.health["release"] == before
        pid = harbour.machine.unit(_active(harbour), "MainPID")
        homeport(harbour.machine, "restart", "production")
        assert harbour.machine.unit(_active(harbour), "MainPID") != pid
        _two_at_once(harbour, second)
        harbour.change("rollback", "production", "--to", before, "--watch", "1")
        assert harbour.health["release"] == before
    assert load.found["failed"] == []
    assert load.found["answered"] > 1000
    states = harbour.slots()
    assert sorted(state for state, _ in states.values()) == ["active", "inactive"]
    assert {release for _, release in states.values()} == {before}


def _active(harbour: Harbour) -> str:
    slot = next(slot for slot, (state, _) in harbour.slots().items() if state == "active")
    return f"homeport-production@{slot}.service"


def _two_at_once(harbour: Harbour, target: str) -> None:
    """One goes on, and the other one is told who is at it, since when and why."""
    machine = harbour.machine
    words = ("rollback", "production", "--to", target, "--watch", "1", "--yes")
    lock = "/srv/team/production/journal/operation.lock"
    first = machine.start(["homeport", *words, "--config", FILE], log="/root/first")
    machine.until(lambda: machine.exists(lock) and "rollback" in machine.read(lock), within=60)
    refused = harbour.change(*words[:-1], code=3)["error"]
    assert first.is_running
    assert "Another operation is changing production: process " in refused["message"]
    assert "rollback production" in refused["message"]
    machine.until(lambda: not first.is_running, within=180)
    assert harbour.health["release"] == target


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_of_ten_thousand_requests_none_fails_in_twenty_changes_of_release(harbour: Harbour) -> None:
    with Load(harbour, 7200) as load:
        serves = [harbour.health["release"]]
        for number in range(20):
            if number % 5 == 0:
                harbour.commit({})
                serves.append(harbour.deploy()["release"])
            else:
                target = next(one for one in reversed(serves) if one != harbour.health["release"])
                harbour.change("rollback", "production", "--to", target, "--watch", "1")
    sys.stdout.write(f"{json.dumps(load.found)}\n")
    assert load.found["failed"] == []
    assert load.found["answered"] >= 10_000
    assert min(load.found["by_kind"].values()) > 50


def killed(harbour: Harbour, who: str, first: int, stride: int, *more: str) -> dict[str, Any]:
    for module in (asking, dying, waiting, changing_killed):
        harbour.machine.copy(Path(module.__file__ or ""), "/root/tests/support")
    words = [FILE, "production", who, str(first), str(stride), *more]
    command = ["/opt/homeport/bin/python", "-m", "tests.support.changing_killed", *words]
    told = harbour.machine.run(command, env={"PYTHONPATH": "/root"}, timeout=3600)
    found: dict[str, Any] = json.loads(told.out.splitlines()[-1])
    assert not found["wrong"], json.dumps(found["wrong"], indent=1)
    if who != "server":
        assert found["asked"]["failed"] == [], found
    return found


@pytest.fixture
def two_releases(harbour: Harbour) -> Harbour:
    """There is one to change to, of the same schema."""
    if len(harbour.usable()) < 2:
        harbour.commit({})
        harbour.deploy()
    return harbour


def test_killed_at_some_points_the_release_before_or_the_next_one_serves(two_releases: Harbour) -> None:
    found = killed(two_releases, "command", 6, 19)
    assert len(found["outcomes"]) >= 2
    assert two_releases.change("rollback", "production", "--to", two_releases.other(), "--watch", "0.5")


@pytest.mark.soak
@pytest.mark.timeout(0)
@pytest.mark.parametrize("who", ["command", "server"])
def test_killed_at_any_point_the_release_before_or_the_next_one_serves(two_releases: Harbour, who: str) -> None:
    found = killed(two_releases, who, 0, 1)
    assert set(found["outcomes"]) == {"old", "new"}


AFTER = f"{int(LATER) + 1:04}"
ILL = """\
        if not self._about.rehearsal and not self._about.standby():
            self._asked = getattr(self, "_asked", 0) + 1
            reasons = ["it is ill"] if self._asked > 4 else reasons
"""

BROKEN = {
    "cannot write in the sandbox": (
        '    Path("/var/lib/homeport.cache").write_text("x")\n',
        "Read-only file system",
    ),
    "eats memory": (
        # Over the half of what is free, which a rehearsal gets, and not more than there is.
        '    hoard = bytearray(settings.rehearsal * os.sysconf("SC_PHYS_PAGES") * 4096 * 6 // 10)\n',
        "needed more memory than it was given",
    ),
    "crashes a while after it began": (
        "    import threading\n    if not settings.rehearsal:\n        threading.Timer(5, os._exit, [9]).start()\n",
        "exit code 9|then ended",
    ),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_of_a_broken_release_the_cause_is_told_and_the_one_before_serves_on(harbour: Harbour, kind: str) -> None:
    line, cause = BROKEN[kind]
    before, states = harbour.health["release"], harbour.slots()
    place = "    log = Log(settings.environment, settings.log_format)\n"
    harbour.commit(harbour.patched("src/homeport/server/serving.py", place, place + line))
    failed = harbour.deploy("--watch", "15", code=1)["error"]["message"]
    assert re.search(cause, failed)
    assert harbour.health["release"] == before
    assert {release for _, release in harbour.slots().values()} == {before}
    if kind != "crashes a while after it began":
        # It was never started in a slot.
        assert harbour.slots() == states
    harbour.commit(harbour.patched("src/homeport/server/serving.py", place, place))


def test_a_slot_that_was_to_take_over_and_may_not_start_raises_no_alarm_about_production(harbour: Harbour) -> None:
    before, machine = harbour.health["release"], harbour.machine
    place = "    log = Log(settings.environment, settings.log_format)\n"
    refuses = '    if settings.standby:\n        raise CannotStartError("it must not")\n'
    harbour.commit(harbour.patched("src/homeport/server/serving.py", place, refuses + place))
    idle = next(slot for slot, (state, _) in harbour.slots().items() if state != "active")
    assert "exit code 78" in harbour.deploy(code=1)["error"]["message"]
    assert harbour.health["release"] == before
    alarm = f"homeport-production-failed@homeport-production@{idle}.service"
    machine.until(lambda: machine.unit(alarm, "Result")["Result"] == "exec-condition", within=30)
    assert not machine.exists("/srv/team/production/journal/failed")
    assert "for good" not in machine.run(["journalctl", "--no-pager", "--priority=alert", "--output=cat"]).out
    harbour.commit(harbour.patched("src/homeport/server/serving.py", place, place))


ANSWERING = '        length = b"%d" % len(body)\n'
WORSE = {
    "calls fail inside": (
        "src/homeport/operations/dispatcher.py",
        "        given = self.validated(operation, caller.arguments(",
        '        if name == "send_message":\n            raise RuntimeError("broken")\n',
        r"\d+ of \d+ requests failed",
    ),
    "answers with status 500": (
        "src/homeport/transports/exchange.py",
        ANSWERING,
        "        status = 500 if b'\"result\"' in body and len(body) < 2000 and b'rotocolV' not in body else status\n",
        r"\d+ of \d+ requests failed",
    ),
    "answers slowly": (
        "src/homeport/transports/exchange.py",
        ANSWERING,
        "        import asyncio\n        await asyncio.sleep(3 if b'\"result\"' in body else 0)\n",
        r"a request takes \d\.\d s \(0\.\d\d s before\)",
    ),
}


@pytest.mark.parametrize(
    "kind", [kind if kind == "calls fail inside" else pytest.param(kind, marks=pytest.mark.soak) for kind in WORSE]
)
def test_a_release_that_does_worse_goes_back_though_it_says_that_it_is_well(harbour: Harbour, kind: str) -> None:
    before = harbour.health["release"]
    name, place, broken, cause = WORSE[kind]
    with Load(harbour, 1200):
        harbour.commit(harbour.patched(name, place, broken + place))
        failed = harbour.deploy("--watch", "10", code=1)["error"]["message"]
    assert re.search(f"does worse than the one before: {cause}", failed)
    assert harbour.health["release"] == before
    assert {release for _, release in harbour.slots().values()} == {before}
    harbour.commit(harbour.patched(name, place, place))


def test_a_release_that_migrated_and_is_ill_goes_back_with_the_data(harbour: Harbour) -> None:
    before = harbour.health
    harbour.token_call("create_project", id="back", name="small", description="d")
    line, cause = BROKEN["crashes a while after it began"]
    place = "    log = Log(settings.environment, settings.log_format)\n"
    serving = harbour.patched("src/homeport/server/serving.py", place, place + line)
    harbour.commit({**harbour.migration(previous=False), **serving})
    failed = harbour.deploy("--watch", "15", code=1)["error"]["message"]
    assert re.search(cause, failed)
    harbour.machine.until(lambda: harbour.machine.answers("http://127.0.0.1:3444/health"))
    assert harbour.health["release"] == before["release"]
    assert harbour.health["schema_version"] == before["schema_version"]
    assert harbour.token_call("get_project", id="back")["project"]["name"] == "small"
    assert {release for _, release in harbour.slots().values()} == {before["release"]}
    harbour.commit(harbour.patched("src/homeport/server/serving.py", place, place))


def test_where_a_release_stored_something_and_is_unwell_it_is_left_serving_until_a_person_chooses(
    harbour: Harbour,
) -> None:
    before = harbour.health
    harbour.token_call("create_project", id="choose", name="small", description="d")
    harbour.token_call("register_instance", instanceId="bob", role="dev")
    red = turns_red("EXISTS (SELECT 1 FROM messages WHERE subject = 'acknowledged')")
    harbour.commit(harbour.migration(previous=False, upgrade=red))
    release = harbour.stored_and_unwell("deploy", "production")
    assert harbour.subjects() == ["acknowledged"]
    # Nothing else is done until then.
    assert "--stay" in harbour.deploy(code=5)["error"]["hint"]
    homeport(harbour.machine, "deploy", "production", "--lose")
    harbour.serves_healthy(before["release"])
    assert harbour.health["schema_version"] == before["schema_version"]
    assert harbour.token_call("get_project", id="choose")["project"]["name"] == "small"
    assert harbour.subjects() == []
    assert harbour.machine.exists(f"/srv/team/production/data.left-{release}/homeport.db")
    # Once more, and now it stays with what it stored; that it is unwell is not over.
    assert harbour.stored_and_unwell("rollback", "production", "--to", release) == release
    homeport(harbour.machine, "deploy", "production", "--stay")
    assert (harbour.health["release"], harbour.health["schema_version"]) == (release, LATER)
    assert harbour.subjects() == ["acknowledged"]
    assert {one for _, one in harbour.slots().values()} == {release}
    way = ("rollback", "production", "--to", before["release"], "--watch", "1")
    assert harbour.change(*way, code=3)["error"]["details"]["lost"]["messages"] == 1
    harbour.change(*way, "--lose")
    harbour.serves_healthy(before["release"])
    assert harbour.subjects() == []


def test_a_release_that_the_one_before_cannot_live_with_comes_and_goes_while_callers_wait(harbour: Harbour) -> None:
    before = harbour.health
    harbour.token_call("create_project", id="p", name="small", description="d")
    with Load(harbour, 1200) as load:
        harbour.commit(harbour.migration(previous=False))
        made = harbour.deploy()
        assert harbour.health["schema_version"] == LATER
        assert harbour.token_call("get_project", id="p")["project"]["name"] == "SMALL"
    assert load.found["failed"] == []
    assert made["hand_over"]["migrations"] == [LATER]
    assert 0 < made["hand_over"]["held_seconds"] < 30
    assert harbour.health["release"] != before["release"]
    # The code alone does not lead back: the data go back too, and what would be lost is said first.
    harbour.token_call("create_project", id="q", name="since", description="d")
    way = ("rollback", "production", "--to", before["release"], "--watch", "1")
    refused = harbour.change(*way, code=3)["error"]
    assert refused["details"]["lost"]["projects"] == 1
    assert harbour.health["release"] == made["release"]
    back = harbour.change(*way, "--lose")
    assert (harbour.health["release"], harbour.health["schema_version"]) == (before["release"], HEAD)
    assert harbour.token_call("get_project", id="p")["project"]["name"] == "small"
    assert 0 < back["hand_over"]["held_seconds"] < 30
    assert {release for _, release in harbour.slots().values()} == {before["release"]}
    harbour.apart = made["release"]


@pytest.fixture
def apart(harbour: Harbour) -> str:
    """A release that cannot live with the one that serves, and is ready to."""
    if harbour.apart is None:
        before = harbour.health["release"]
        harbour.commit(harbour.migration(previous=False))
        harbour.apart = str(harbour.deploy()["release"])
        harbour.change("rollback", "production", "--to", before, "--watch", "1", "--lose")
    return harbour.apart


def test_killed_while_callers_wait_the_release_before_serves_again_and_nobody_waits_on(
    harbour: Harbour, apart: str
) -> None:
    blue, green = (f"homeport-production@{slot}.service" for slot in ("blue", "green"))
    harbour.machine.run(["systemctl", "stop", green])
    harbour.machine.run(["systemctl", "reset-failed", blue])
    for _ in range(STARTS):
        # Once more, and systemd would take it for one that fails, and close the sockets.
        harbour.machine.run(["systemctl", "restart", blue])
    found = killed(harbour, "hold", 8, 3, "3", apart)
    assert found["outcomes"] == ["old"] * 3
    assert found["asked"]["answered"] > 100


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_killed_at_any_point_while_callers_wait_the_release_before_serves_again(harbour: Harbour, apart: str) -> None:
    before = harbour.health["release"]
    found = killed(harbour, "hold", 0, 1, "99", apart)
    assert len(found["outcomes"]) >= 12
    # At last it was not killed.
    harbour.change("rollback", "production", "--to", before, "--watch", "1", "--lose")


def test_who_takes_a_change_back_is_killed_while_callers_wait_and_the_next_one_takes_it_back(
    harbour: Harbour, apart: str
) -> None:
    found = killed(harbour, "heal", 8, 3, "3", apart)
    assert found["outcomes"] == ["old"] * 3


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_who_takes_a_change_back_is_killed_at_any_point_and_the_next_one_takes_it_back(
    harbour: Harbour, apart: str
) -> None:
    found = killed(harbour, "heal", 0, 1, "99", apart)
    assert len(found["outcomes"]) >= 12
    assert set(found["outcomes"]) == {"old"}


def test_a_release_that_the_one_before_can_live_with_migrates_beside_it_and_goes_back_without_the_data(
    harbour: Harbour,
) -> None:
    before = harbour.health
    harbour.token_call("create_project", id="beside", name="small", description="d")
    place = "        reasons = await asyncio.shield(self._proving())\n"
    with Load(harbour, 1200) as load:
        harbour.commit(harbour.migration(previous=True))
        made = harbour.deploy()
        serves = harbour.health
        # The next one is well until it serves, and is ill once it was asked a few times.
        ill = harbour.patched("src/homeport/transports/health.py", place, place + ILL)
        harbour.commit({**ill, **harbour.migration(AFTER, LATER, previous=True)})
        failed = harbour.deploy("--watch", "60", code=1)["error"]["message"]
        back = harbour.health
    assert load.found["failed"] == []
    assert (made["hand_over"]["migrations"], made["hand_over"]["held_seconds"]) == ([LATER], 0.0)
    assert 0 < made["hand_over"]["writes_waited_seconds"] < 10
    assert (serves["release"], serves["schema_version"]) == (made["release"], LATER)
    assert before["schema_version"] == HEAD
    assert "became healthy, and is so no more: it is ill" in failed
    assert (back["release"], back["schema_version"]) == (made["release"], AFTER)
    assert harbour.token_call("get_project", id="beside")["project"]["name"] == "SMALL"
    assert {release for _, release in harbour.slots().values()} == {made["release"]}
    harbour.commit(harbour.patched("src/homeport/transports/health.py", place, place))
