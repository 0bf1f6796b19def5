"""The order of restore, sync and drill: saved before anything is exchanged, and taken back until the server is well."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import PurePosixPath

import pytest

from homeport.contract.database import Keeping
from homeport.environments.backups.comparing import find_differences
from homeport.environments.backups.data_steps import Discard, KeepServed, Scratch, Unpack
from homeport.environments.backups.manifest import FileEntry
from homeport.environments.backups.plans import Target, plan_drill, plan_restore, plan_sync
from homeport.environments.backups.record import ArchiveFile, Drill, Record, parse_record, record_text, summarise
from homeport.environments.backups.steps import MakeBackup
from homeport.environments.plan import Plan
from homeport.environments.services.steps import AwaitHealth, StartServer, StopServer
from homeport.environments.steps import Ownership, Rename
from homeport.host.archives.writing import Contents
from tests.support.archives import described

BACKUP, SAFETY = "20261002T061500Z", "20261002T070000Z"
TARGET = Target(
    environment="production",
    data=PurePosixPath("/srv/production/data"),
    stamp=SAFETY,
    exists=True,
    holds=True,
    sound=True,
    running=True,
    mode=0o700,
    owner=Ownership("homeport", "homeport"),
)


def kinds(plan: Plan) -> list[str]:
    return [type(step).__name__ for step in plan.steps]


def plans(target: Target) -> list[Plan]:
    return [plan_restore(target, BACKUP, SAFETY), plan_sync(target, "staging", "texts", SAFETY)]


def test_a_server_is_stopped_only_after_all_is_saved_and_made_ready() -> None:
    for plan in plans(TARGET):
        order = kinds(plan)
        stop = order.index("StopServer")
        assert order.index("MakeBackup") < stop
        assert order.index("Settle") < stop
        between = order[stop + 1 : order.index("StartServer")]
        assert between == ["DemandUnused", "Rename", "Rename", "KeepServed"]


def test_all_can_be_taken_back_until_the_server_is_well_and_nothing_afterwards() -> None:
    for plan in plans(TARGET):
        assert plan.commits_after is not None
        assert isinstance(plan.steps[plan.commits_after - 1], AwaitHealth)
        assert {type(step) for step in plan.steps[plan.commits_after :]} == {Discard}


def test_what_is_broken_is_saved_with_its_server_stopped() -> None:
    for plan in plans(replace(TARGET, sound=False)):
        order = kinds(plan)
        assert order.index("StopServer") < order.index("MakeBackup")
        assert all(step.however_broken for step in plan.steps if isinstance(step, MakeBackup))


def test_nothing_is_stopped_before_it_is_known_that_what_comes_is_good() -> None:
    """Be it that a program is missing, a key, a right to make databases, or that the backup is damaged."""
    for target in (TARGET, replace(TARGET, sound=False), replace(TARGET, database=True)):
        for plan in plans(target):
            order = kinds(plan)
            ready = max(order.index(one) for one in ("Unpack", "PrepareData") if one in order)
            assert ready < order.index("StopServer")


def test_a_plan_says_that_data_come_from_a_file_into_a_database_or_back() -> None:
    ways: tuple[tuple[bool, Keeping, str], ...] = (
        (True, "file", "into a database"),
        (False, "database", "into a file"),
    )
    for database, keeping, said in ways:
        target = replace(TARGET, database=database)
        for plan in (
            plan_restore(target, BACKUP, SAFETY, keeping=keeping),
            plan_sync(target, "staging", "all", SAFETY, keeping),
        ):
            assert [said in str(step) for step in plan.steps].count(True) == 1
            assert Plan.from_json(plan.as_json()) == plan
        for same in (target.keeping, None):
            plan = plan_restore(target, BACKUP, SAFETY, keeping=same)
            assert not [step for step in plan.steps if "comparing" in str(step)]


@pytest.mark.parametrize(
    ("file", "keeping"), [("homeport.db", "file"), ("homeport.dump", "database"), ("other.json", None)]
)
def test_a_record_says_what_the_data_were_in_and_an_earlier_one_says_nothing(file: str, keeping: str | None) -> None:
    contents = Contents(files=(FileEntry(file, 1, "0" * 64, 0o600),), directories=())
    summary = summarise(described()(contents))
    assert summary.keeping == keeping
    archive = ArchiveFile(f"data-{BACKUP}.tar.zst", 1, "0" * 64, sealed=False)
    record = Record(
        backup=BACKUP,
        environment="production",
        state="good",
        created="2026-10-02T06:15:00+00:00",
        origin="command",
        archive=archive,
        summary=summary,
    )
    assert parse_record(record_text(record), "x") == record
    earlier = json.loads(record_text(record))
    del earlier["summary"]["keeping"]
    read = parse_record(json.dumps(earlier).encode(), "x")
    assert read.summary is not None
    assert read.summary.keeping is None


def test_a_server_that_does_not_run_is_neither_stopped_nor_started() -> None:
    for plan in plans(replace(TARGET, running=False)):
        assert not [step for step in plan.steps if isinstance(step, StopServer | StartServer | KeepServed)]


def test_where_nothing_is_there_nothing_is_saved_or_moved_aside() -> None:
    for plan in plans(replace(TARGET, exists=False, holds=False)):
        assert "MakeBackup" not in kinds(plan)
        assert kinds(plan).count("Rename") == 1


def test_a_restore_keeps_the_old_data_and_a_sync_throws_them_away() -> None:
    restore, sync = plans(TARGET)
    kept = PurePosixPath(f"/srv/production/data.before-restore-{SAFETY}")
    assert Rename(TARGET.data, kept) in restore.steps
    assert Discard(kept) not in restore.steps
    assert Discard(PurePosixPath(f"/srv/production/data.before-sync-{SAFETY}")) in sync.steps


def test_every_plan_is_read_back_from_the_journal_as_it_was() -> None:
    work = PurePosixPath("/srv/production-backups/.drill")
    drill = plan_drill("production", BACKUP, work, PurePosixPath("/run/x"), "/mnt/other")
    assert [step for step in drill.steps if isinstance(step, Scratch)]
    for plan in (*plans(TARGET), plan_restore(TARGET, BACKUP, SAFETY, "s3://bucket"), drill):
        assert Plan.from_json(plan.as_json()) == plan
    assert str(Unpack("production", BACKUP, work, "s3://bucket")).startswith(f"unpack the backup {BACKUP} from s3://")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"identity": "another"}, "the identity is another, and the backup says 0b7c"),
        ({"schema_version": "0009"}, "the schema is 0009, and the backup says 0004"),
        ({"position": 16}, "the last event is 16, and the backup says 17"),
        ({"counts": {"messages": 2}}, "messages holds 2, and the backup says 3"),
        ({"counts": {}}, "messages holds nothing that can be counted, and the backup says 3"),
    ],
)
def test_whatever_is_not_as_it_was_saved_is_told(change: dict[str, object], said: str) -> None:
    manifest = described()(Contents(files=(), directories=()))
    found: dict[str, object] = {
        "identity": "0b7c",
        "schema_version": "0004",
        "counts": {"messages": 3, "more": 1},
        "position": 17,
    }
    assert find_differences(manifest, **found) == []  # type: ignore[arg-type]
    assert find_differences(manifest, **(found | change)) == [said]  # type: ignore[arg-type]


def test_a_record_keeps_what_came_of_the_last_drill_and_what_was_wrong_with_the_data() -> None:
    drill = Drill(
        at="2026-10-03T00:00:00+00:00", outcome="failed", depth="served", seconds=1.5, age_seconds=60.0, reason="x"
    )
    record = Record(
        backup=BACKUP,
        environment="production",
        state="failed",
        created="2026-10-02T06:15:00+00:00",
        origin="restore",
        drill=drill,
        damaged="The database is no database.",
    )
    assert parse_record(record_text(record), "here") == record
    assert not replace(record, state="good").is_usable
    assert replace(record, state="good", damaged=None).is_usable
