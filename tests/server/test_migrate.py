"""``homeport migrate`` as a person types it, with a later release that has a migration more."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from homeport.contract import DATABASE_FILE
from homeport.datalock import LockHolder
from homeport.host.operation_lock import operation_lock
from homeport.storage.migrations.revisions import HEAD
from tests.support.exchanging import content
from tests.support.later import LATER, migration
from tests.support.migrating import Dock
from tests.support.running import PROGRAM
from tests.support.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
UNVERIFIED = migration(upgrade="pass")
ENDLESS = migration(upgrade="import time; time.sleep(3600)")
LARGE = migration(
    upgrade="""op.execute("CREATE TABLE large AS WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
        " WHERE i < 64) SELECT i, randomblob(1048576) AS b FROM n")"""
)


@pytest.fixture
def dock(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Dock]:
    one = Dock(tmp_path, capsys)
    yield one
    one.stop()


def test_a_dry_run_shows_what_would_change_and_touches_nothing(dock: Dock) -> None:
    before, written = content(dock.data), (dock.data / DATABASE_FILE).stat().st_mtime_ns
    told = dock.json("migrate", "production", "--dry-run")
    assert (told["schema"], told["pending"], told["previous_release_can_run"]) == (HEAD, [LATER], False)
    assert told["migration"]["ran"] == [LATER]
    assert told["migration"]["rows"] == {"projects": 4}
    assert told["migration"]["seconds"] >= 0
    assert told["findings"] == []
    assert told["plan"]["steps"][0]["step"] == "MakeBackup"
    said, _ = dock.run("migrate", "production", "--dry-run")
    assert f"ran {LATER} in " in said
    assert "projects  4 rows changed" in said
    assert f"would run {LATER} on the copy, and verify it" in said
    assert content(dock.data) == before
    assert (dock.data / DATABASE_FILE).stat().st_mtime_ns == written
    assert dock.beside() == []
    assert dock.json("backup", "list", "production")["backups"] == []


def test_a_migration_under_a_server_is_backed_up_verified_and_served(dock: Dock) -> None:
    dock.start()
    dock.release()
    before = dock.projects()
    assert (dock.health()["schema_version"], before) == (HEAD, sorted(before))
    assert any(name != name.upper() for name in before)
    done = dock.json("migrate", "production", "--yes")
    assert done["started"] is True
    assert done["migration"]["rows"] == {"projects": 4}
    assert dock.health()["schema_version"] == LATER
    assert dock.projects() == sorted(name.upper() for name in before)
    assert dock.beside() == []
    assert dock.json("backup", "show", "production", done["safety_backup"])["state"] == "good"
    assert dock.json("migrate", "production", "--verify")["findings"] == []
    # There is nothing more to do, and nothing is done.
    operations = len(dock.operations())
    assert dock.json("migrate", "production")["pending"] == []
    assert len(dock.operations()) == operations
    # The backup is what was there before, also for the release of before.
    dock.run("restore", "production", done["safety_backup"], "--to", str(dock.directory / "back"))
    dock.leave()
    assert dock.json("data", "facts", str(dock.directory / "back"), "--deep")["schema_version"] == HEAD


def test_what_verify_finds_is_shown_on_a_copy_and_undone_on_the_data(dock: Dock) -> None:
    dock.start()
    dock.release(UNVERIFIED)
    before = content(dock.data)
    told = dock.json("migrate", "production", "--dry-run", code=4)
    assert told["findings"] == [{"migration": LATER, "text": "4 projects have a name in small letters."}]
    error = dock.json("migrate", "production", "--yes", code=1)
    assert "did not leave what it must: 4 projects have a name in small letters." in error["message"]
    assert content(dock.data) == before
    assert dock.beside() == []
    assert [one.outcome for one in dock.operations()] == ["undone", "undone"]
    # The release cannot start on data that it cannot migrate: the server of before was not even stopped.
    assert dock.health()["schema_version"] == HEAD
    dock.leave()
    assert dock.json("data", "facts", str(dock.data), "--deep")["problems"] == []


def test_data_that_are_newer_than_the_release_are_refused(dock: Dock) -> None:
    dock.run("migrate", "production", "--yes")
    dock.leave()
    before = content(dock.data)
    for words in ((), ("--dry-run",), ("--verify",), ("--yes",)):
        error = dock.json("migrate", "production", *words, code=78)
        assert error["message"] == (
            f"The data of production are newer than the release that serves it: they have {LATER}."
        )
    assert content(dock.data) == before


def test_a_protected_environment_asks_first_and_names_what_it_would_do(dock: Dock) -> None:
    before = content(dock.data)
    _, said = dock.run("migrate", "production", code=3)
    assert f"pending: {LATER}. A server of the release before cannot go on with it." in said
    assert "nobody is here to be asked" in said
    assert content(dock.data) == before


def test_of_two_at_once_one_is_told_who_is_at_it(dock: Dock) -> None:
    journal = Path(dock.environment.journal_directory)
    other = LockHolder(4711, "homeport migrate production", "2026-10-02T06:15:00+00:00")
    with operation_lock(journal, "production", other):
        for words in (("--yes",), ("--dry-run",)):
            error = dock.json("migrate", "production", *words, code=3)
            assert "process 4711 (homeport migrate production) since 2026-10-02" in error["message"]
        # To look needs no lock.
        assert dock.json("migrate", "production", "--verify")["findings"] == []


def test_what_a_copy_would_lack_is_refused(dock: Dock) -> None:
    (dock.data / "elsewhere").symlink_to(dock.directory)
    error = dock.json("migrate", "production", "--yes", code=3)
    assert "hold 'elsewhere', which is no regular file" in error["message"]
    assert dock.beside() == []
    assert (dock.data / "elsewhere").is_symlink()


def test_where_there_are_no_data_there_is_nothing_to_migrate(dock: Dock) -> None:
    for path in dock.data.iterdir():
        path.unlink()
    assert "holds no data yet" in dock.json("migrate", "production", code=2)["message"]


def test_a_run_that_is_killed_takes_its_program_with_it_and_the_next_one_goes_on(dock: Dock) -> None:
    dock.release(ENDLESS)
    before = content(dock.data)
    command = [*PROGRAM, "--config", str(dock.file), "migrate", "production", "--yes"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            (child,) = until(lambda: upgrading(process.pid), within=120)
        finally:
            process.kill()
    until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, within=30)
    assert content(dock.data) == before
    dock.release()
    assert dock.json("migrate", "production", "--yes")["migration"]["ran"] == [LATER]
    assert [one.outcome for one in dock.operations()] == ["undone", "done"]
    assert dock.beside() == []


def upgrading(pid: int) -> list[psutil.Process]:
    """The program that migrates the copy, once it is at it."""
    found = []
    for child in psutil.Process(pid).children(recursive=True):
        # Others come and go meanwhile.
        with suppress(psutil.NoSuchProcess):
            words = child.cmdline()
            if "upgrade" in words and Path(words[-2], f"{DATABASE_FILE}.before").exists():
                found.append(child)
    return found


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a disk that is small enough to be filled")
def test_a_disk_that_gets_full_leaves_the_data_as_they_were(dock: Dock) -> None:
    disk = dock.directory / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "none", str(disk)], check=False)
    if mounted.returncode:
        pytest.skip("a file system cannot be mounted here")
    try:
        dock.moved(disk)
        program = dock.release(LARGE)
        data = disk / "data"
        before = content(data)
        # On a copy of the data, and on the data themselves.
        error = dock.json("migrate", "production", "--yes", code=1)
        assert "the disk is full" in error["message"]
        assert sorted(path.name for path in disk.iterdir()) == ["data"]
        command = [*program, "--config", str(dock.file), "data", "migrate", "production"]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        assert ran.returncode == 1
        assert "and it is as it was: " in ran.stderr
        assert content(data) == before
        found = os.statvfs(disk)
        (disk / "ballast").write_bytes(b"x" * (found.f_bavail * found.f_frsize - 200_000))
        error = dock.json("migrate", "production", "--yes", code=1)
        assert "Make room first." in error["hint"]
        assert content(data) == before
    finally:
        dock.stop()
        subprocess.run(["umount", str(disk)], check=True)
