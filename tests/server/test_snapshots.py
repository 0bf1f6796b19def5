"""``homeport data snapshot`` beside a real server: under load, killed, without room, and refused."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from homeport import server
from homeport.contract import DATABASE_FILE, IDENTITY_FILE, LOCK_FILE, ExitCode
from homeport.datalock import find_holder
from homeport.identity import new_identity, write_identity
from tests.support.running import Workspace, running, workspace
from tests.support.snapshots import answer_of, backups_under_load, data_command, snapshots_under_load
from tests.support.waiting import until

# Runs a command with a bound on the size of every file that it writes: a write in the middle of it fails.
BOUNDED = """
import resource, sys
from homeport.cli import main
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), int(sys.argv[1])))
sys.exit(main(sys.argv[2:]))
"""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    return workspace(tmp_path)


def data_of(place: Workspace) -> Path:
    return place.file.parent / place.environment / "data"


def filled(place: Workspace, messages: int = 40, size: int = 20_000) -> None:
    """Data that a server wrote and left in order."""
    with running(place):
        place.call("register_instance", instanceId="ada", role="dev")
        for number in range(messages):
            place.call("send_message", to="ada", from_="bob", subject=f"0 {number}", content="x" * size)


def content(directory: Path) -> dict[str, str]:
    """What is in a directory, but for what SQLite and the lock keep there while somebody reads."""
    passing = (f"{DATABASE_FILE}-shm", LOCK_FILE)
    files = [path for path in sorted(directory.rglob("*")) if path.is_file() and path.name not in passing]
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files if path.stat().st_size}
    assert found
    return found


@pytest.mark.timeout(400)
async def test_20_snapshots_under_load_hold_what_was_acknowledged_without_a_gap(
    place: Workspace, tmp_path: Path
) -> None:
    with running(place):
        await snapshots_under_load(place, tmp_path, 20, writes_between=50)


async def test_backups_made_while_clients_write_restore_what_was_acknowledged_without_a_gap(
    place: Workspace, tmp_path: Path
) -> None:
    with running(place):
        assert await backups_under_load(place, tmp_path, 2, rate=300, seconds=2) > 0


def test_a_snapshot_that_is_killed_harms_nothing_and_is_never_taken_for_whole(place: Workspace, tmp_path: Path) -> None:
    filled(place, messages=60, size=200_000)
    before = content(data_of(place))
    whole = 0
    for number in range(8):
        target = tmp_path / f"killed-{number}"
        _killed_after(place, target, number)
        assert content(data_of(place)) == before
        if not target.exists():
            continue
        problems = server.data_facts(target)["problems"]
        whole += not problems
        assert all(problem["code"] in ("no_identity", "no_database") for problem in problems), problems
    assert whole < 8, "it was never killed before its end"
    with running(place):
        assert place.call("get_messages", instanceId="ada")["total"] == 60


def _killed_after(place: Workspace, target: Path, steps: int) -> None:
    """Kills it when so many changes of the target were seen."""
    command = data_command(place, "snapshot", place.environment, target)
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        seen = {_state(target)}
        # Without a pause: the whole copy takes a few milliseconds.
        while len(seen) <= steps + 1 and process.poll() is None:
            seen.add(_state(target))
        process.kill()


def _state(target: Path) -> str:
    try:
        return repr(sorted((path.name, path.stat().st_size) for path in target.iterdir()))
    except FileNotFoundError:
        return "nothing"


def test_without_a_server_the_log_that_a_killed_one_left_is_in_the_snapshot(place: Workspace, tmp_path: Path) -> None:
    with running(place):
        place.call("register_instance", instanceId="ada", role="dev")
        place.call("send_message", to="ada", from_="bob", subject="0 0", content="last words")
        holder = find_holder(data_of(place))
        assert holder is not None
        os.kill(holder.pid, signal.SIGKILL)
        until(lambda: not place.answers())
    assert (data_of(place) / f"{DATABASE_FILE}-wal").stat().st_size > 0
    before = content(data_of(place))
    taken = answer_of(place, "snapshot", place.environment, tmp_path / "after")
    assert taken["live"] is False
    assert taken["facts"]["counts"]["messages"] == 1
    assert content(data_of(place)) == before


def test_a_write_that_fails_half_way_leaves_nothing_and_says_where(place: Workspace, tmp_path: Path) -> None:
    filled(place)
    target = tmp_path / "full"
    command = [*data_command(place, "snapshot", place.environment, target)[4:]]
    ran = subprocess.run(
        [sys.executable, "-P", "-c", BOUNDED, "200000", *command], capture_output=True, text=True, check=False
    )
    assert ran.returncode == ExitCode.FAILED, ran
    assert str(target) in ran.stderr
    assert not target.exists()
    assert answer_of(place, "facts", data_of(place))["problems"] == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a disk that is small enough to be filled")
def test_a_disk_without_room_is_refused_before_anything_is_written(place: Workspace, tmp_path: Path) -> None:
    filled(place)
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(disk)], check=False).returncode:
        pytest.skip("a file system cannot be mounted here")
    try:
        error = answer_of(place, "snapshot", place.environment, disk / "s", code=ExitCode.FAILED)
        assert "There is no room" in error["message"]
        assert error["details"]["needed"] > error["details"]["free"]
        assert list(disk.iterdir()) == []
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a medium that is read-only")
def test_data_on_a_medium_that_is_read_only_are_copied_and_examined(place: Workspace, tmp_path: Path) -> None:
    filled(place, messages=2)
    data = data_of(place)
    if subprocess.run(["mount", "--bind", str(data), str(data)], check=False).returncode:
        pytest.skip("a file system cannot be mounted here")
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", str(data)], check=True)
        before = sorted(path.name for path in data.iterdir())
        taken = answer_of(place, "snapshot", place.environment, tmp_path / "s")
        assert taken["facts"]["counts"]["messages"] == 2
        assert answer_of(place, "facts", data, "--deep")["problems"] == []
        assert sorted(path.name for path in data.iterdir()) == before
    finally:
        subprocess.run(["umount", str(data)], check=True)


def test_other_files_of_the_data_come_along_and_what_is_none_is_named(place: Workspace, tmp_path: Path) -> None:
    filled(place, messages=1)
    data = data_of(place)
    (data / "notes").mkdir()
    (data / "notes" / "a.txt").write_text("kept")
    (data / "link").symlink_to(tmp_path)
    (data / ".identity.json.x.tmp").write_text("half")
    taken = answer_of(place, "snapshot", place.environment, tmp_path / "s")
    assert taken["left_out"] == ["link"]
    assert sorted(taken["facts"]["files"]) == [DATABASE_FILE, IDENTITY_FILE, "notes/a.txt"]
    assert (tmp_path / "s" / "notes" / "a.txt").read_text() == "kept"


def refused(place: Workspace, target: Path, code: ExitCode, *more: str) -> dict[str, Any]:
    return dict(answer_of(place, "snapshot", place.environment, target, *more, code=code))


def test_a_target_that_holds_something_or_lies_in_the_data_is_refused(place: Workspace, tmp_path: Path) -> None:
    filled(place, messages=1)
    target = tmp_path / "s"
    target.mkdir()
    (target / "mine").write_text("mine")
    assert "is not an empty directory" in refused(place, target, ExitCode.REFUSED)["message"]
    assert [path.name for path in target.iterdir()] == ["mine"]
    for within in (data_of(place) / "s", data_of(place), data_of(place).parent):
        assert "is not apart from the data" in refused(place, within, ExitCode.REFUSED)["message"]
    assert not (data_of(place) / "s").exists()


def test_data_of_another_environment_are_refused_and_nothing_is_made(place: Workspace, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    write_identity(other, new_identity("production"))
    error = refused(place, tmp_path / "s", ExitCode.CANNOT_START, "--data", str(other))
    assert "holds data of production, not of development" in error["message"]
    assert not (tmp_path / "s").exists()


def test_where_there_are_no_data_there_is_no_snapshot(place: Workspace, tmp_path: Path) -> None:
    assert "holds no data yet" in refused(place, tmp_path / "s", ExitCode.USAGE)["message"]
    write_identity(data_of(place), new_identity("development"))
    assert "is missing" in refused(place, tmp_path / "s", ExitCode.CANNOT_START)["message"]
    assert not (tmp_path / "s").exists()


def test_damaged_data_give_no_snapshot_and_the_damage_is_named(place: Workspace, tmp_path: Path) -> None:
    filled(place)
    path = data_of(place) / DATABASE_FILE
    damaged = bytearray(path.read_bytes())
    damaged[4096 * 3 : 4096 * 4] = b"\xff" * 4096
    path.write_bytes(damaged)
    error = refused(place, tmp_path / "s", ExitCode.CANNOT_START)
    assert "are not sound" in error["message"]
    assert error["details"]["problems"]
    assert not (tmp_path / "s").exists()
