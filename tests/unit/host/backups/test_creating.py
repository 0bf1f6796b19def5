"""Backups of a directory of files: good only when read back, and whole or gone wherever the making is killed."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest

from homeport.contract import BACKUPS_FILE
from homeport.environments.backup_settings import BackupSettings
from homeport.environments.backups.steps import AbandonBackup, MakeBackup
from homeport.environments.declaration import parse_declaration
from homeport.environments.environment import Environment
from homeport.environments.plan import Plan
from homeport.errors import GuardError, HomeportError, UsageError
from homeport.host.archives.refusal import ArchiveError
from homeport.host.archives.verifying import verify
from homeport.host.backups.creating import BackupAbandoner, BackupMaker, Surroundings, create_backup
from homeport.host.backups.pruning import plan_pruning, prune, reasons_of
from homeport.host.backups.shelf import Shelf
from homeport.host.backups.verifying import verify_backup
from homeport.host.carrying import Carrier
from homeport.host.data.foreign_seam import ForeignData
from homeport.host.data.seam import DataDescription
from homeport.host.hands import Hands
from homeport.host.journal import Journal
from tests.support.dying import CountedJournal, Point, counted_hands, killed_at
from tests.support.ports import free_ports


def environment_in(root: Path, **policy: object) -> Environment:
    """A foreign server's environment with data and directories."""
    http, sse = free_ports(2)
    text = f'[environments.legacy]\nhttp_port = {http}\nsse_port = {sse}\ncommand = ["node", "server.js"]\n'
    made = parse_declaration(text, PurePosixPath(root) / "homeport.toml").environment("legacy")
    for directory in made.directories:
        Path(directory).mkdir(parents=True, exist_ok=True)
    (Path(made.data_directory) / "deep").mkdir(exist_ok=True)
    (Path(made.data_directory) / "messages.json").write_text(json.dumps(["hello"] * 200))
    (Path(made.data_directory) / "deep" / ".hidden").write_text("kept")
    return replace(made, backup=BackupSettings.model_validate(policy))


def around_of(environment: Environment) -> Surroundings:
    return Surroundings(environment, ForeignData(environment.name))


def hands_of(around: Surroundings) -> Hands:
    return {MakeBackup: BackupMaker(around, lambda release: (release,)), AbandonBackup: BackupAbandoner(around)}


def counted_unlink(point: Point) -> Callable[..., None]:
    """``Path.unlink`` that passes a point before and after."""
    unlink = Path.unlink

    def counted(path: Path, missing_ok: bool = False) -> None:
        point()
        unlink(path, missing_ok=missing_ok)
        point()

    return counted


def plan(backup: str = "20261002T061500Z") -> Plan:
    return Plan("backup create", "legacy", (MakeBackup("legacy", backup, "command"),))


def state_of(environment: Environment) -> object:
    return json.loads((Path(environment.journal_directory) / BACKUPS_FILE).read_text())["last_backup"]


def test_a_backup_is_recorded_packed_read_back_and_then_called_good(tmp_path: Path) -> None:
    environment = environment_in(tmp_path)
    record = create_backup(around_of(environment), "20261002T061500Z", "command")
    assert (record.state, record.origin) == ("good", "command")
    assert record.summary is not None
    assert (record.summary.files, record.summary.source) == (2, str(environment.data_directory))
    shelf = Shelf(Path(environment.backups_directory), "legacy")
    assert shelf.records() == [record]
    assert verify(shelf.archive(record), record).manifest is not None
    assert sorted(path.name for path in shelf.directory.iterdir()) == [
        "data-20261002T061500Z.json",
        "data-20261002T061500Z.tar.zst",
    ]
    assert state_of(environment) == record.created


def test_tar_alone_opens_it(tmp_path: Path) -> None:
    environment = environment_in(tmp_path)
    record = create_backup(around_of(environment), "20261002T061500Z", "command")
    (tmp_path / "out").mkdir()
    archive = Path(environment.backups_directory) / f"data-{record.backup}.tar.zst"
    subprocess.run(["tar", "--zstd", "-xf", archive, "-C", tmp_path / "out"], check=True)
    assert (tmp_path / "out" / f"data-{record.backup}" / "data" / "deep" / ".hidden").read_text() == "kept"


def test_it_is_copied_to_every_place_and_read_back_from_there(tmp_path: Path) -> None:
    place = tmp_path / "elsewhere"
    place.mkdir()
    environment = environment_in(tmp_path, places=[str(place)])
    record = create_backup(around_of(environment), "20261002T061500Z", "command")
    assert [(copy.place, copy.state) for copy in record.copies] == [(str(place), "good")]
    assert sorted(path.name for path in place.iterdir()) == [
        "data-20261002T061500Z.json",
        "data-20261002T061500Z.tar.zst",
    ]


def test_where_a_place_fails_the_backup_is_here_and_is_not_called_good(tmp_path: Path) -> None:
    environment = environment_in(tmp_path, places=[str(tmp_path / "not-mounted")])
    record = create_backup(around_of(environment), "20261002T061500Z", "command")
    assert record.state == "written"
    assert [copy.state for copy in record.copies] == ["failed"]
    assert "not-mounted" in (record.copies[0].reason or "")
    assert state_of(environment) is None


def test_a_place_in_the_data_directory_is_refused(tmp_path: Path) -> None:
    environment = environment_in(tmp_path)
    inside = Path(environment.data_directory) / "backups"
    inside.mkdir()
    (tmp_path / "link").symlink_to(inside)
    with pytest.raises(GuardError, match="lies in the data directory"):
        create_backup(
            around_of(replace(environment, backup=BackupSettings(places=[str(tmp_path / "link")]))),
            "20261002T061500Z",
            "command",
        )


def test_a_data_directory_that_is_missing_is_told_and_is_no_empty_backup(tmp_path: Path) -> None:
    environment = replace(environment_in(tmp_path), data_directory=PurePosixPath(tmp_path / "unmounted"))
    with pytest.raises(HomeportError, match="There is no data directory"):
        create_backup(around_of(environment), "20261002T061500Z", "command")
    assert list(Path(environment.backups_directory).iterdir()) == []


def test_an_attempt_that_fails_leaves_its_record_with_the_reason_and_nothing_else(tmp_path: Path) -> None:
    environment = environment_in(tmp_path)

    class Failing(ForeignData):
        def snapshot(self, source: Path, into: Path) -> DataDescription:
            into.mkdir()
            (into / "half").write_text("x")
            raise HomeportError("The disk is gone.")

    with pytest.raises(HomeportError, match="The disk is gone"):
        create_backup(replace(around_of(environment), seam=Failing("legacy")), "20261002T061500Z", "command")
    (record,) = Shelf(Path(environment.backups_directory), "legacy").records()
    assert (record.state, record.reason, record.archive) == ("failed", "The disk is gone.", None)
    assert [path.name for path in Path(environment.backups_directory).iterdir()] == ["data-20261002T061500Z.json"]


@pytest.mark.slow
@pytest.mark.parametrize("stride", [3, pytest.param(1, marks=pytest.mark.soak)])
def test_a_making_that_is_killed_anywhere_leaves_the_last_good_state_and_is_cleaned_up(
    tmp_path: Path, stride: int
) -> None:
    number = 0
    while True:
        environment = environment_in(tmp_path / str(number), places=[])
        around = around_of(environment)
        create_backup(around, "20261001T061500Z", "schedule")
        before = Path(environment.backups_directory, "data-20261001T061500Z.tar.zst").read_bytes()

        def run(point: Point, environment: Environment = environment) -> None:
            journal = CountedJournal(Path(environment.journal_directory))
            journal.point = point
            watched = Surroundings(environment, ForeignData(environment.name), progress=lambda *_: point())
            Carrier(journal, counted_hands(hands_of(watched), point)).carry_out(plan())

        killed = killed_at(number, run)
        Carrier(Journal(Path(environment.journal_directory)), hands_of(around)).heal()
        shelf = Shelf(Path(environment.backups_directory), "legacy")
        states = {record.backup: record.state for record in shelf.records()}
        assert states.pop("20261001T061500Z") == "good"
        assert Path(environment.backups_directory, "data-20261001T061500Z.tar.zst").read_bytes() == before
        for record in shelf.records():
            if record.state == "good":
                verify(shelf.archive(record), record)
            else:
                assert record.state == "failed"
                assert not shelf.archive(record).exists()
        assert not [path for path in shelf.directory.iterdir() if path.name.startswith(".")]
        assert state_of(environment) is not None
        if not killed:
            assert states == {"20261002T061500Z": "good"}
            break
        number += stride
    assert number > 10


def test_verify_names_what_was_tampered_with_and_the_backup_no_longer_counts(tmp_path: Path) -> None:
    place = tmp_path / "elsewhere"
    place.mkdir()
    environment = environment_in(tmp_path, places=[str(place)])
    around = around_of(environment)
    record = create_backup(around, "20261002T061500Z", "command")
    copied = place / around.shelf.archive(record).name
    copied.write_bytes(copied.read_bytes()[:-1] + b"x")
    here, there = verify_backup(around, record)
    assert here.fault is None
    assert str(copied) in (there.fault or "")
    assert around.shelf.find("latest").state == "written"
    own = around.shelf.archive(record)
    own.write_bytes(own.read_bytes()[:-1] + b"x")
    assert verify_backup(around, record, everywhere=False)[0].fault
    assert around.shelf.records()[0].state == "failed"
    with pytest.raises(UsageError, match="There is no backup"):
        around.shelf.find("latest")


def test_a_record_that_was_tampered_with_is_not_believed(tmp_path: Path) -> None:
    environment = environment_in(tmp_path)
    around = around_of(environment)
    record = create_backup(around, "20261002T061500Z", "command")
    assert record.archive is not None
    file = Path(environment.backups_directory) / "data-20261002T061500Z.json"
    file.write_text(file.read_text().replace('"size"', '"sise"'))
    readable, faults = around.shelf.readable_records()
    assert readable == []
    assert "data-20261002T061500Z.json" in str(faults[0])
    with pytest.raises(ArchiveError, match=r"data-20261002T061500Z\.tar\.zst"):
        verify(around.shelf.archive(record), replace(record, archive=replace(record.archive, sha256="0" * 64)))


def test_of_thirty_one_backups_thirty_stay_here_and_at_the_place(tmp_path: Path) -> None:
    place = tmp_path / "elsewhere"
    place.mkdir()
    environment = environment_in(tmp_path, places=[str(place)])
    around = around_of(environment)
    for number in range(31):
        create_backup(around, f"20261002T0615{number:02}Z", "schedule")
    pruning = plan_pruning(around)
    assert [record.backup for record in pruning.going] == ["20261002T061500Z"]
    assert prune(around, pruning) == []
    assert len(around.shelf.records()) == 30
    for directory in (around.shelf.directory, place):
        assert len(list(directory.glob("*.tar.zst"))) == 30
        assert len(list(directory.glob("*.json"))) == 30


def test_what_was_saved_of_damaged_data_is_never_pruned(tmp_path: Path) -> None:
    environment = environment_in(tmp_path, keep_last=1, keep_weekly=0, keep_monthly=0, keep_minimum=1)
    around = around_of(environment)
    records = [create_backup(around, f"20261002T0615{number:02}Z", "restore") for number in range(4)]
    around.shelf.write(replace(records[1], damaged="the database was cut off"))
    pruning = plan_pruning(around)
    assert [record.backup for record in pruning.going] == [records[0].backup, records[2].backup]
    assert "damaged data" in reasons_of(pruning.verdicts)[records[1].backup][0]
    assert prune(around, pruning) == []
    assert around.shelf.archive(records[1]).is_file()


def test_what_cannot_be_removed_at_a_place_stays_here_too(tmp_path: Path) -> None:
    place = tmp_path / "elsewhere"
    place.mkdir()
    environment = environment_in(
        tmp_path, places=[str(place)], keep_last=1, keep_weekly=0, keep_monthly=0, keep_minimum=1
    )
    around = around_of(environment)
    for number in range(2):
        create_backup(around, f"20261002T0615{number:02}Z", "schedule")
    place.rename(tmp_path / "unmounted")
    (left,) = prune(around, plan_pruning(around))
    assert left.startswith("20261002T061500Z: ")
    assert len(around.shelf.records()) == 2
    (tmp_path / "unmounted").rename(place)
    assert prune(around, plan_pruning(around)) == []
    assert len(around.shelf.records()) == 1
    assert len(list(place.glob("*.tar.zst"))) == 1


def test_a_backup_of_another_environment_in_the_directory_is_told(tmp_path: Path) -> None:
    environment = environment_in(tmp_path)
    create_backup(around_of(environment), "20261002T061500Z", "command")
    with pytest.raises(HomeportError, match="is of legacy, not of other"):
        Shelf(Path(environment.backups_directory), "other").records()


def test_a_pruning_that_is_killed_anywhere_loses_nothing_that_stays_and_is_finished_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    number, killed = 0, True
    while killed:
        environment = environment_in(tmp_path / str(number), keep_last=1, keep_weekly=0, keep_monthly=0, keep_minimum=1)
        around = around_of(environment)
        for second in range(3):
            create_backup(around, f"20261002T0615{second:02}Z", "schedule")

        def run(point: Point, around: Surroundings = around) -> None:
            monkeypatch.setattr(Path, "unlink", counted_unlink(point))
            prune(around, plan_pruning(around))

        killed = killed_at(number, run)
        verify_backup(around, around.shelf.find("20261002T061502Z"))
        assert around.shelf.find("latest").state == "good"
        prune(around, plan_pruning(around))
        assert sorted(path.name for path in around.shelf.directory.iterdir()) == [
            "data-20261002T061502Z.json",
            "data-20261002T061502Z.tar.zst",
        ]
        number += 1
    assert number > 5
