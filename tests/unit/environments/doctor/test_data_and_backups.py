"""Data directories and backups that are not what the declaration says."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import PurePosixPath
from typing import Any

import pytest

from homeport.environments.doctor.backup_jobs import find_backup_faults
from homeport.environments.doctor.facts import BackupFacts
from homeport.environments.environment import Environment
from homeport.environments.steps import WriteFile
from tests.support.facts import (
    DEVELOPMENT,
    NOW,
    PRODUCTION,
    ROOT,
    STALE,
    archive,
    backups,
    but,
    directory,
    found,
    healthy,
    job,
    kinds,
    the_one,
    timer,
)

# --- where data are ---


def test_a_unit_that_may_not_write_the_live_data_is_found_before_it_is_started() -> None:
    finding = the_one(but(healthy(), "units", 0, writable=(STALE,)))
    assert finding.kind == "sandbox-misses-data"
    assert str(STALE) in finding.evidence[0]


def test_the_live_data_directory_is_found_from_the_process_not_from_the_declaration() -> None:
    live = ROOT / "elsewhere"
    facts = but(healthy(), "processes", 0, files=(live / "homeport.db",))
    facts = replace(facts, directories=(*facts.directories, directory(live, environment="production")))
    assert "data-elsewhere" in kinds(facts)
    finding = next(one for one in found(facts) if one.kind == "data-elsewhere")
    assert f"has {live / 'homeport.db'} open" in finding.evidence[0]


def test_a_server_that_opens_no_file_is_known_by_what_changes_below_its_place() -> None:
    live = PRODUCTION.directory / "data" / "v2"
    facts = but(healthy(), "processes", 0, files=())
    facts = but(facts, "directories", 1, newest=NOW - timedelta(days=3), kind="files")
    facts = replace(
        facts,
        directories=(*facts.directories, directory(live, kind="json-v1")),
        health={**facts.health, "production": replace(facts.health["production"], data_directory=None)},
    )
    assert "data-elsewhere" in kinds(facts)


def test_a_directory_beside_the_live_one_that_nobody_uses_is_stale() -> None:
    old = directory(STALE, kind="json-v1", newest=NOW - timedelta(days=3))
    finding = the_one(replace(healthy(), directories=(*healthy().directories, old)))
    assert (finding.kind, finding.environment) == ("stale-data", "production")
    assert str(STALE) in finding.mend


def test_what_lies_in_backups_or_releases_is_not_stale() -> None:
    inside = [
        directory(one / "x", kind="json-v1") for one in (PRODUCTION.backups_directory, PRODUCTION.releases_directory)
    ]
    assert found(replace(healthy(), directories=(*healthy().directories, *inside))) == []


@pytest.mark.parametrize(
    ("astray", "where"), [(DEVELOPMENT, PRODUCTION), (PRODUCTION, DEVELOPMENT)], ids=["development", "production"]
)
def test_two_environments_on_the_same_data_are_found_though_the_declaration_forbids_it(
    astray: Environment, where: Environment
) -> None:
    number = [PRODUCTION, DEVELOPMENT].index(astray)
    facts = but(healthy(), "processes", number, files=(where.database_file,))
    # Its own unit may not write there and its own backups save another place: by the same cause.
    finding = the_one(replace(facts, jobs=(timer(astray, "backup"),)))
    assert (finding.kind, finding.environment) == ("data-shared", astray.name)
    assert finding.mend.startswith(f"homeport stop {astray.name}, ")
    by_hand = found(but(facts, "processes", number, unit=None, started=NOW, pid=4711))
    shared = next(one for one in by_hand if one.kind == "data-shared")
    assert shared.mend.startswith(f"kill 4711, then homeport start {astray.name}")


def test_data_of_another_environment_are_found() -> None:
    assert the_one(but(healthy(), "directories", 1, environment="development")).kind == "data-of-another"


def test_a_repository_that_tracks_data_is_found() -> None:
    finding = the_one(but(healthy(), "directories", 1, tracked=ROOT))
    assert finding.kind == "data-tracked"


# --- backups ---


def test_a_job_that_saves_the_live_data_is_left_in_peace() -> None:
    assert found(replace(healthy(), jobs=(job(archives=(archive(100), archive(99, 1))),))) == []


def test_a_job_that_saves_another_directory_is_found_and_can_be_taken_out() -> None:
    finding = the_one(replace(healthy(), jobs=(job(paths=(STALE, ROOT / "production-data-backups")),)))
    assert (finding.kind, finding.environment) == ("backup-misses-data", "production")
    (step,) = finding.fix
    assert isinstance(step, WriteFile)
    assert step.text.startswith("# backups\n# taken out by homeport doctor")


def test_a_wrong_job_is_not_taken_out_before_there_is_a_good_backup() -> None:
    facts = replace(backups(last_good=None), jobs=(job(paths=(STALE,)),))
    finding = next(one for one in found(facts) if one.kind == "backup-misses-data")
    assert finding.fix == ()


def test_a_job_that_has_nothing_to_do_with_us_is_not_judged() -> None:
    assert found(replace(healthy(), jobs=(job(paths=(PurePosixPath("/var/www"),)),))) == []


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"overdue": True}, "backup-job-stopped"),
        ({"failed": "tar: No space left on device"}, "backup-job-stopped"),
        ({"archives": (archive(100), archive(1000, 1))}, "backup-shrinks"),
        ({"archives": (archive(100, opens=False), archive(100, 1))}, "backup-does-not-open"),
    ],
)
def test_a_job_that_no_longer_saves_is_found(changes: dict[str, Any], kind: str) -> None:
    assert the_one(replace(healthy(), jobs=(job(**changes),))).kind == kind


def test_a_timer_of_ours_that_is_switched_off_is_found_with_what_switches_it_on() -> None:
    finding = the_one(replace(healthy(), jobs=(timer(PRODUCTION, "backup", overdue=True),)))
    assert (finding.kind, finding.mend) == (
        "backup-job-stopped",
        "homeport provision production switches it on again",
    )


@pytest.mark.parametrize("name", ["backup", "drill"])
def test_a_run_of_a_timer_that_failed_is_told_once_and_only_until_it_is_made_up_for(name: str) -> None:
    failed = timer(PRODUCTION, name, failed="exit-code", last_run=NOW - timedelta(minutes=5))
    finding = the_one(replace(healthy(), jobs=(failed,)))
    assert (finding.kind, finding.mend.split(" tries")[0]) == (
        "backup-job-stopped",
        f"systemctl start homeport-production-{name}.service",
    )
    noted = {"last_failure": "the disk is full"} if name == "backup" else {"drill_failure": "row 7 is missing"}
    assert the_one(replace(backups(**noted), jobs=(failed,))).kind == f"{name}-failed"
    later = replace(failed, last_run=NOW - timedelta(days=3))
    assert found(replace(healthy(), jobs=(later,))) == []


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"last_good": None, "last_drill": None}, "never-backed-up"),
        ({"last_good": NOW - timedelta(hours=14)}, "backup-old"),
        ({"last_failure": "the disk is full"}, "backup-failed"),
        ({"last_drill": None}, "never-proven"),
        ({"last_drill": NOW - timedelta(days=9)}, "drill-old"),
        ({"drill_failure": "integrity_check: row 7 missing"}, "drill-failed"),
        ({"broken": ("20261002T061500Z: sha256 differs",)}, "backup-broken"),
        ({"elsewhere": False, "device": 1}, "backup-same-disk"),
        ({"sizes": (59, 100, 100)}, "backup-shrinks"),
    ],
)
def test_what_is_wrong_with_our_own_backups_is_found(changes: dict[str, Any], kind: str) -> None:
    assert the_one(backups(**changes)).kind == kind


@pytest.mark.parametrize(("hours", "kinds"), [(2, []), (14, ["backup-old"])])
def test_a_backup_that_another_machine_made_of_the_same_database_counts(hours: int, kinds: list[str]) -> None:
    told: Any = {"last_backup": (NOW - timedelta(hours=hours)).isoformat()}
    facts = replace(backups(last_good=None, last_drill=None), databases={"production": told})
    assert [one.kind for one in find_backup_faults([PRODUCTION], facts)] == kinds


def test_backups_that_shrink_a_little_are_no_finding() -> None:
    assert found(backups(sizes=(60, 100))) == []


def test_an_environment_that_is_safe_to_break_need_not_be_backed_up() -> None:
    facts = healthy()
    assert found(replace(facts, backups={**facts.backups, "development": BackupFacts()})) == []
