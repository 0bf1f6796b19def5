"""Data directories exchanged under a server that is not Homeport's: all put back where something fails."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest

from homeport.contract import SNAPSHOT_FILE
from homeport.environments.backups.plans import plan_drill, plan_restore, plan_sync
from homeport.environments.backups.syncing import check_sync
from homeport.errors import GuardError, HomeportError, UsageError
from homeport.host.backups.creating import create_backup
from homeport.host.services.awaiting import await_health
from tests.support.exchanging import Yard, content, yard
from tests.support.foreign import PROGRAM
from tests.support.ports import free_ports
from tests.support.rewriting import versions
from tests.support.waiting import until

BACKUP, SAFETY = "20261002T061500Z", "20261002T070000Z"
SAMPLE = Path(__file__).parents[3] / "data" / "json-v1"
POISONED = f"""
import pathlib, sys
if (pathlib.Path(sys.argv[1]) / "poison").exists():
    sys.exit("this data I do not open")
{PROGRAM}"""


@pytest.fixture
def shops(tmp_path: Path) -> Iterator[Yard]:
    """Two servers of one kind, ``shop`` and ``test``, with data, neither of which runs yet."""
    (tmp_path / "shop.py").write_text(POISONED)
    text = "".join(
        f"[environments.{name}]\nhttp_port = {port}\nprotocols = ['http']\nservice = 'processes'\n"
        f"command = {json.dumps([sys.executable, str(tmp_path / 'shop.py'), str(tmp_path / name / 'data')])}\n"
        f'variables = {{ PORT = "{port}" }}\n'
        for name, port in zip(("shop", "test"), free_ports(2), strict=True)
    )
    made = yard(tmp_path, text)
    shutil.copytree(SAMPLE, made.data("shop"), dirs_exist_ok=True)
    (made.data("test") / "mine.json").write_text("[1, 2]")
    yield made
    for environment in made.declaration.environments.values():
        made.manager.stop(environment)


def start(made: Yard, name: str) -> None:
    made.manager.start(made.environment(name))
    await_health(made.manager, made.environment(name), 20)


def test_a_server_that_does_not_come_up_on_the_restored_data_runs_on_the_old_again(shops: Yard) -> None:
    data = shops.data("shop")
    (data / "poison").write_text("x")
    create_backup(shops.around("shop"), BACKUP, "command")
    (data / "poison").unlink()
    before = content(data)
    start(shops, "shop")
    with pytest.raises(HomeportError, match="this data I do not open"):
        shops.carry_out(plan_restore(shops.target("shop"), BACKUP, SAFETY))
    await_health(shops.manager, shops.environment("shop"), 20)
    assert content(data) == before
    (failed,) = data.parent.glob("data.failed-*")
    assert (failed / "poison").exists()
    assert shops.journal("shop").operations()[-1].outcome == "undone"


def test_a_restore_keeps_the_mode_and_the_owner_of_the_directory(shops: Yard) -> None:
    data = shops.data("shop")
    create_backup(shops.around("shop"), BACKUP, "command")
    data.chmod(0o2750 & 0o777)
    if os.geteuid() == 0:
        os.chown(data, 1234, 4321)
    shops.carry_out(plan_restore(shops.target("shop"), BACKUP, SAFETY))
    found = data.stat()
    assert found.st_mode & 0o777 == 0o750
    if os.geteuid() == 0:
        assert {(path.stat().st_uid, path.stat().st_gid) for path in (data, *data.rglob("*"))} == {(1234, 4321)}


def test_an_empty_or_missing_directory_is_filled_without_a_safety_backup(shops: Yard) -> None:
    create_backup(shops.around("shop"), BACKUP, "command")
    before = content(shops.data("shop"))
    for missing in (False, True):
        shutil.rmtree(shops.data("shop"))
        if not missing:
            shops.data("shop").mkdir()
        target = shops.target("shop", f"2026100{int(missing)}T070000Z")
        shops.carry_out(plan_restore(target, BACKUP, SAFETY))
        assert content(shops.data("shop")) == before
    assert [one.backup for one in shops.around("shop").shelf.records()] == [BACKUP]


def test_a_linked_data_directory_is_exchanged_where_it_lies(shops: Yard, tmp_path: Path) -> None:
    data = shops.data("shop")
    (tmp_path / "disk").mkdir()
    data.rename(tmp_path / "disk" / "real")
    data.symlink_to(tmp_path / "disk" / "real")
    create_backup(shops.around("shop"), BACKUP, "command")
    (data / "newer").write_text("x")
    shops.carry_out(plan_restore(shops.target("shop"), BACKUP, SAFETY))
    assert data.is_symlink()
    assert not (data / "newer").exists()
    assert len(list((tmp_path / "disk").glob("real.before-restore-*"))) == 1


def test_data_that_somebody_else_serves_are_not_exchanged(shops: Yard) -> None:
    create_backup(shops.around("shop"), BACKUP, "command")
    environment = shops.environment("shop")
    variables = {**os.environ, **dict(environment.service.variables)}
    with subprocess.Popen(environment.service.command, env=variables, stdout=subprocess.PIPE) as stranger:
        assert stranger.stdout is not None
        stranger.stdout.readline()
        try:
            until(lambda: shops.manager.state(environment).unmanaged)
            with pytest.raises(GuardError, match=f"is in use by process {stranger.pid}"):
                shops.target("shop")
        finally:
            stranger.kill()


def test_a_sync_of_files_under_a_program_that_rewrites_them_is_of_whole_files(shops: Yard) -> None:
    source = shops.data("shop")
    originals = {path.relative_to(source): versions(path.read_text()) for path in source.rglob("*.json")}
    start(shops, "test")
    command = [sys.executable, "-m", "tests.support.rewriting", str(source)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as rewriting:
        assert rewriting.stdout is not None
        rewriting.stdout.readline()
        try:
            shops.carry_out(plan_sync(shops.target("test"), "shop", "none", SAFETY))
        finally:
            rewriting.kill()
    await_health(shops.manager, shops.environment("test"), 20)
    assert not (shops.data("test") / "mine.json").exists()
    for path, texts in originals.items():
        assert (shops.data("test") / path).read_text() in texts
    told = json.loads((shops.data("test") / SNAPSHOT_FILE).read_text())
    assert (told["origin"], told["environment"], told["scrub"]) == ("shop", "test", "none")
    assert shops.around("test").shelf.find(SAFETY).state == "good"


def test_files_of_another_server_are_not_said_to_be_scrubbed(shops: Yard) -> None:
    shop, test = shops.environment("shop"), shops.environment("test")
    for scrub in (None, "texts", "all"):
        with pytest.raises(UsageError, match="Nobody knows what is secret"):
            check_sync(shop, test, scrub)
    check_sync(shop, test, "none")
    with pytest.raises(GuardError, match="is protected"):
        check_sync(shop, replace(test, protected=True), "none")
    with pytest.raises(UsageError, match="the same data"):
        check_sync(shop, shop, "none")


def test_a_drill_of_files_compares_them_and_says_that_no_server_was_started(shops: Yard) -> None:
    create_backup(shops.around("shop"), BACKUP, "command")
    shelf = PurePosixPath(shops.environment("shop").backups_directory)
    shops.carry_out(plan_drill("shop", BACKUP, shelf / ".drill", shelf / ".sockets"))
    drill = shops.around("shop").shelf.find(BACKUP).drill
    assert drill is not None
    assert (drill.outcome, drill.depth, drill.reason) == ("passed", "files", None)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a disk that is small enough to be filled")
@pytest.mark.parametrize("size", ["1m", "9m"])
def test_a_disk_that_is_too_small_for_a_drill_says_nothing_of_the_backup(
    shops: Yard, tmp_path: Path, size: str
) -> None:
    (shops.data("shop") / "noise").write_bytes(os.urandom(2_000_000))
    around = shops.around("shop")
    create_backup(around, BACKUP, "command")
    before = around.shelf.find(BACKUP)
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(disk)], check=False)
    if mounted.returncode:
        pytest.skip("a file system cannot be mounted here")
    try:
        with pytest.raises(HomeportError, match="has room for"):
            shops.carry_out(
                plan_drill("shop", BACKUP, PurePosixPath(disk / ".drill"), PurePosixPath(tmp_path / "sockets"))
            )
        assert list(disk.iterdir()) == []
    finally:
        subprocess.run(["umount", str(disk)], check=True)
    assert around.shelf.find(BACKUP) == before
    shelf = PurePosixPath(around.shelf.directory)
    shops.carry_out(plan_drill("shop", BACKUP, shelf / ".drill", shelf / ".sockets"))
    drill = around.shelf.find(BACKUP).drill
    assert drill is not None
    assert drill.outcome == "passed"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a disk that is small enough to be filled")
@pytest.mark.parametrize("operation", ["restore", "sync"])
@pytest.mark.parametrize("spare", [0, 8_000, 30_000])
def test_a_disk_that_is_full_leaves_the_data_as_they_were(shops: Yard, operation: str, spare: int) -> None:
    name, data = ("shop", shops.data("shop")) if operation == "restore" else ("test", shops.data("test"))
    create_backup(shops.around("shop"), BACKUP, "command")
    kept = data.with_name("kept")
    data.rename(kept)
    disk = data.parent / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=9m", "none", str(disk)], check=False)
    if mounted.returncode:
        pytest.skip("a file system cannot be mounted here")
    try:
        shutil.copytree(kept, disk / "data")
        data.symlink_to(disk / "data")
        before = content(data)
        plan = (
            plan_restore(shops.target(name), BACKUP, SAFETY)
            if operation == "restore"
            else plan_sync(shops.target(name), "shop", "none", SAFETY)
        )
        free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
        with (disk / "ballast").open("wb") as ballast:
            ballast.write(b"x" * max(0, free - spare))
        with pytest.raises(HomeportError):
            shops.carry_out(plan)
        assert content(data) == before
        assert sorted(path.name for path in disk.iterdir()) == ["ballast", "data"]
        (disk / "ballast").unlink()
        if operation == "sync":
            shops.carry_out(plan)
            assert (data / SNAPSHOT_FILE).exists()
    finally:
        subprocess.run(["umount", str(disk)], check=True)
