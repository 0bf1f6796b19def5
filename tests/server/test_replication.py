"""A replica of production that a real Litestream keeps: what is written, what is killed, what is given back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest

from homeport.cli.surroundings import surroundings_of
from homeport.contract import DATABASE_FILE
from homeport.environments.doctor.facts import HostFacts, ReplicaFact
from homeport.environments.doctor.replicas import find_replica_faults
from homeport.host.replication.generations import generations_in
from homeport.host.replication.proving import look_at_replica
from homeport.host.replication.restoring import find_point
from tests.support.harbour import Harbour
from tests.support.running import PROGRAM
from tests.support.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
LITESTREAM = Path(sys.executable).with_name("litestream")


class Replicated(Harbour):
    """A harbour whose production has a replica."""

    def __init__(self, directory: Path) -> None:
        self.place = directory / "other disk, 100% full"
        self.place.mkdir()
        super().__init__(directory, f"continuous = '{self.place}'\nlitestream = '{LITESTREAM}'\n")
        self.production = self.declaration.environment("production")
        self.replica = self.place / "production"

    def litestream(self) -> psutil.Process | None:
        """The process that replicates."""
        for pid in self.manager.state(self.production).pids:
            with suppress(psutil.Error):
                for process in psutil.Process(pid).children(recursive=True):
                    if _is_litestream(process):
                        return process
        return None

    def running_litestream(self) -> psutil.Process:
        found = until(self.litestream, within=60)
        assert found is not None
        return found

    def all_is_in_it(self) -> None:
        """Returns once everything of the data is in the replica."""

        def whole() -> bool:
            done = subprocess.run(
                [*PROGRAM, "--config", str(self.file), "--json", "restore", "production", "--at", "now", "--dry-run"],
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            return '"events": 0' in done.stdout

        until(whole, within=120)

    def proof(self) -> dict[str, Any]:
        """What a drill says of the replica, once everything of the data is in it."""
        self.all_is_in_it()
        found: dict[str, Any] = self.run("backup", "drill", "production")["replica"]
        return found

    def newest(self, after: datetime) -> datetime | None:
        """The newest moment of the replica, if it is after another."""
        point = find_point(self.production, None)
        return point.at if point is not None and point.at > after else None

    def fact(self) -> ReplicaFact:
        found = look_at_replica(surroundings_of(self.declaration, self.production), provisioned=False)
        assert found is not None
        return found

    def findings(self, later: timedelta = timedelta()) -> list[str]:
        """The kinds of what the doctor would find."""
        facts = HostFacts(now=datetime.now(UTC) + later, replicas={"production": self.fact()})
        return [one.kind for one in find_replica_faults([self.production], facts)]


def _is_litestream(process: psutil.Process) -> bool:
    try:
        return process.exe() == str(LITESTREAM.resolve())
    except psutil.Error:
        return False


@pytest.fixture
def harbour(tmp_path: Path) -> Iterator[Replicated]:
    one = Replicated(tmp_path)
    one.start("production")
    one.send("production", "first")
    one.running_litestream()
    yield one
    for environment in one.declaration.environments.values():
        one.manager.stop(environment)


def test_what_is_written_while_litestream_and_the_server_are_killed_is_in_the_replica(harbour: Replicated) -> None:
    harbour.run("backup", "create", "production")
    for number in range(20):
        harbour.send("production", f"before {number}")
    harbour.running_litestream().kill()
    for number in range(20):
        harbour.send("production", f"without it {number}")
    harbour.running_litestream()
    assert harbour.findings(timedelta(minutes=5)) == []
    server = harbour.pid("production")
    assert server is not None
    os.kill(server, signal.SIGKILL)
    until(lambda: not harbour.manager.state(harbour.production).running, within=60)
    harbour.start_again("production")
    harbour.send("production", "after")
    proof = harbour.proof()
    assert (proof["passed"], proof["lost"]) == (True, 0)
    assert len(generations_in(harbour.replica)) == 1
    restored = harbour.run("restore", "production", "--at", "now", "--to", str(harbour.directory / "aside"))
    facts = harbour.run("data", "facts", str(harbour.directory / "aside"), "--deep")
    assert facts["counts"]["messages"] == harbour.messages("production") == 42
    assert restored["position"] == facts["position"]


def test_a_moment_between_two_backups_is_restored_and_a_new_history_begins(harbour: Replicated) -> None:
    old = harbour.run("backup", "create", "production")["backup"]
    harbour.send("production", "wanted")
    # By its content: what was replicated while the message was being stored has a later time and not the message.
    harbour.all_is_in_it()
    moment = harbour.newest(datetime.min.replace(tzinfo=UTC))
    assert moment is not None
    until(lambda: datetime.now(UTC) > moment + timedelta(seconds=1))
    harbour.send("production", "regretted")
    until(lambda: harbour.newest(moment + timedelta(seconds=1)), within=60)
    planned = harbour.run("restore", "production", "--at", moment.isoformat(), "--dry-run")
    assert (planned["backup"], planned["loss"]["messages"]) == (None, 1)
    # Before the replica began there is the backup alone, and it says so.
    done = harbour.run("restore", "production", "--at", moment.isoformat(), "--yes")
    assert done["restored"] is None
    assert datetime.fromisoformat(done["replica"]["at"]) <= moment
    assert done["started"]
    assert done["safety_backup"] != old
    assert harbour.messages("production") == 2
    until(lambda: len(generations_in(harbour.replica)) == 2, within=60)
    harbour.send("production", "anew")
    assert harbour.proof()["passed"]
    # What was regretted is still to be had: its history stayed.
    before = (moment + timedelta(seconds=3)).isoformat()
    back = harbour.run("restore", "production", "--at", before, "--to", str(harbour.directory / "regretted"))
    assert back["replica"]["generation"] == done["replica"]["generation"]


def test_a_replica_that_stands_still_or_is_dead_or_damaged_is_found(harbour: Replicated) -> None:
    harbour.run("backup", "create", "production")
    assert harbour.findings() == []
    frozen = harbour.running_litestream()
    frozen.suspend()
    newest = harbour.newest(datetime.min.replace(tzinfo=UTC))
    assert newest is not None
    # Its moments are whole seconds: what happens within the last of them would seem to be in it.
    until(lambda: datetime.now(UTC) > newest + timedelta(seconds=1), within=60)
    harbour.send("production", "unseen")
    assert harbour.findings() == []
    assert harbour.findings(timedelta(minutes=2)) == ["replica-behind"]
    frozen.kill()
    assert harbour.proof()["passed"]
    (keeper,) = [one for one in psutil.Process(harbour.pid("production")).children() if "replicate" in one.cmdline()]
    keeper.kill()
    until(lambda: harbour.litestream() is None, within=60)
    assert harbour.findings() == ["replica-dead"]
    assert harbour.health("production")["status"] == "healthy"
    for file in harbour.replica.rglob("*.ltx"):
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        file.write_bytes(bytes(content))
    assert harbour.run("backup", "drill", "production", code=4)["replica"]["passed"] is False
    assert harbour.findings() == ["replica-dead", "replica-not-proven"]
    refused = harbour.run("restore", "production", "--at", "now", "--yes", code=1)
    assert "does not give back" in refused["message"]
    assert harbour.messages("production") == 2


def test_data_that_somebody_exchanges_by_hand_are_never_mixed_with_the_old_history(harbour: Replicated) -> None:
    harbour.run("backup", "create", "production")
    first = harbour.running_litestream()
    aside = harbour.data("production").with_name("moved away")
    harbour.data("production").rename(aside)
    first.wait(60)
    aside.rename(harbour.data("production"))
    harbour.running_litestream()
    old, new = generations_in(harbour.replica)
    assert old.ended is not None
    assert new.ended is None
    harbour.send("production", "second")
    assert harbour.proof()["passed"]


def test_without_the_program_the_server_serves_and_everything_says_what_is_missing(tmp_path: Path) -> None:
    place = tmp_path / "replica"
    place.mkdir()
    harbour = Harbour(tmp_path, f"continuous = '{place}'\nlitestream = '{tmp_path / 'none'}'\n")
    harbour.start("production")
    try:
        harbour.send("production", "served")
        harbour.run("backup", "create", "production")
        refused = harbour.run("replicate", "production", code=78)
        assert f"There is no program {tmp_path / 'none'}" in refused["message"]
        refused = harbour.run("restore", "production", "--at", "now", "--yes", code=1)
        assert "cannot be asked" in refused["message"]
        assert "name a backup" in refused["hint"]
        kinds = {one["kind"] for one in harbour.run("doctor", "production", code=4)["findings"]}
        assert "replica-unreadable" in kinds
        place.rmdir()
        harbour.file.write_text(harbour.file.read_text().replace(str(tmp_path / "none"), str(LITESTREAM)))
        assert "Is its disk mounted?" in harbour.run("replicate", "production", code=78)["hint"]
        assert (harbour.data("production") / DATABASE_FILE).is_file()
    finally:
        harbour.manager.stop(harbour.declaration.environment("production"))
