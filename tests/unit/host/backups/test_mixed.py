"""Sync, restore and drill between data in a file and data in a database: all combinations, faults, and kills."""

from __future__ import annotations

import shutil
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pytest

from homeport.contract.database import Keeping
from homeport.environments.backups.data_steps import PrepareData, Unpack
from homeport.environments.backups.plans import brought_into, plan_drill, plan_restore, plan_sync
from homeport.environments.plan import Plan
from homeport.errors import HomeportError
from homeport.host.backups.creating import create_backup
from homeport.host.backups.unpacking import keeping_of
from homeport.storage.dumps import programs
from tests.support.databases_killed import Attempt, every, killed_everywhere
from tests.support.mixed import Mixed, mixed
from tests.support.postgres import ROLE, Cluster
from tests.support.written import Written, content_of, found_in, write_data

pytestmark = [pytest.mark.needs_postgres, pytest.mark.timeout(300)]
BACKUP, SAFETY = "20261002T061500Z", "20261002T070000Z"
KINDS: tuple[Keeping, ...] = ("file", "database")
SHARED = ("feed" * 16,)
"""What all data of tests have."""
OTHER: dict[Keeping, Keeping] = {"file": "database", "database": "file"}
TWO = pytest.mark.parametrize("kept", KINDS)


@dataclass(frozen=True)
class Original:
    """Data of production, with something of everything and secrets, and of development, in files."""

    production: Path
    development: Path
    written: Written


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Original:
    return written_in(tmp_path_factory.mktemp("original"))


def written_in(directory: Path) -> Original:
    (directory / "production").mkdir()
    (directory / "development").mkdir()
    written = write_data(directory / "production")
    write_data(directory / "development", "development")
    return Original(directory / "production", directory / "development", written)


@pytest.fixture(scope="module")
def shelves(tmp_path_factory: pytest.TempPathFactory, postgres: Cluster, original: Original) -> dict[Keeping, Path]:
    """A directory of backups with one good backup, by what the data were in when it was made."""
    made = {}
    for kept in KINDS:
        directory = tmp_path_factory.mktemp(kept)
        with mixed(postgres, directory / "yard", {"production": (original.production, kept)}) as here:
            create_backup(here.yard.around("production"), BACKUP, "command")
            made[kept] = directory / "shelf"
            shutil.copytree(here.yard.environment("production").backups_directory, made[kept])
    return made


def moved(here: Mixed, shelf: Path) -> Plan:
    """The restore of a backup in an environment that keeps its data in something else since."""
    yard = here.yard
    shutil.copytree(shelf, yard.environment("production").backups_directory, dirs_exist_ok=True)
    (yard.data("production") / "since").write_text("the backup")
    keeping = keeping_of(yard.around("production"), BACKUP, None)
    return plan_restore(yard.target("production"), BACKUP, SAFETY, keeping=keeping)


@TWO
def test_a_sync_brings_the_same_rows_into_the_other_and_no_byte_of_a_secret(
    tmp_path: Path, postgres: Cluster, kept: Keeping
) -> None:
    """Neither into development's directory nor into its database server, be it the log of what that wrote."""
    fresh = written_in(tmp_path)
    secrets = tuple(secret for secret in fresh.written.secrets if secret not in SHARED)
    data = {"production": (fresh.production, kept), "development": (fresh.development, OTHER[kept])}
    with mixed(postgres, tmp_path / "yard", data) as here:
        yard = here.yard
        before = here.rows("production", tmp_path / "before")
        plan = plan_sync(yard.target("development"), "production", "none", SAFETY, kept)
        (prepare,) = [str(step) for step in plan.steps if isinstance(step, PrepareData)]
        assert prepare.endswith(f", then bring it into a {OTHER[kept]}, comparing every row")
        yard.carry_out(plan)
        assert (here.keeping("production"), here.keeping("development")) == (kept, OTHER[kept])
        assert here.facts("development")["problems"] == []
        found = here.rows("development", tmp_path / "after")
        same = {table for table, rows in before.items() if found[table] == rows}
        assert same >= {"tasks", "projects", "lessons", "deliveries", "inboxes", "submissions", "memberships", "roles"}
        assert [len(found[table]) for table in ("messages", "instances")] == [1, 2]
        assert here.rows("production", tmp_path / "again") == before
        assert here.beside() == []
        assert {path.name for path in yard.data("development").parent.glob("data*")} == {"data"}
        reached = content_of(yard.data("development").parent) + content_of(tmp_path / "after")
        assert found_in(reached, secrets) == []
        # Production's own server saw them, which shows that they would be found.
        assert bool(found_in(content_of(postgres.directory), secrets)) == (kept == "database")


@TWO
def test_a_backup_is_restored_whatever_the_data_are_in_now(
    tmp_path: Path, postgres: Cluster, original: Original, shelves: dict[Keeping, Path], kept: Keeping
) -> None:
    with mixed(postgres, tmp_path / "yard", {"production": (original.production, OTHER[kept])}) as here:
        before = here.rows("production", tmp_path / "before")
        plan = moved(here, shelves[kept])
        (unpack,) = [str(step) for step in plan.steps if isinstance(step, Unpack)]
        assert f", bring it into a {OTHER[kept]}, comparing every row, and examine it" in unpack
        assert Plan.from_json(plan.as_json()) == plan
        here.yard.carry_out(plan)
        assert here.keeping("production") == OTHER[kept]
        assert here.facts("production")["problems"] == []
        assert here.rows("production", tmp_path / "after") == before
        assert not (here.yard.data("production") / "since").exists()


@TWO
def test_a_drill_proves_a_backup_whatever_the_data_are_in_now(
    tmp_path: Path, postgres: Cluster, original: Original, shelves: dict[Keeping, Path], kept: Keeping
) -> None:
    with mixed(postgres, tmp_path / "yard", {"production": (original.production, OTHER[kept])}) as here:
        yard = here.yard
        moved(here, shelves[kept])
        into = brought_into(keeping_of(yard.around("production"), BACKUP, None), OTHER[kept])
        work, sockets = PurePosixPath(tmp_path / "work"), PurePosixPath(tmp_path / "sockets")
        plan = plan_drill("production", BACKUP, work, sockets, None, into)
        assert f"bring it into a {OTHER[kept]}, comparing every row, serve it there" in str(plan.steps[2])
        yard.carry_out(plan)
        drill = yard.around("production").shelf.find(BACKUP).drill
        assert drill is not None
        assert (drill.outcome, drill.reason) == ("passed", None)
        yard.around("production").seam.tidy()
        assert here.beside() == []


def test_a_dump_needs_no_server_to_become_a_file(
    tmp_path: Path, original: Original, shelves: dict[Keeping, Path], postgres: Cluster
) -> None:
    """The database server of before may be gone."""
    with mixed(postgres, tmp_path / "yard", {"production": (original.production, "file")}) as here:
        before = here.rows("production", tmp_path / "before")
        plan = moved(here, shelves["database"])
        postgres.stop()
        try:
            here.yard.carry_out(plan)
            assert here.rows("production", tmp_path / "after") == before
        finally:
            postgres.start()


def undone(here: Mixed, plan: Plan, said: str) -> None:
    """A plan fails with these words, and nothing is other than before; the server was never to be stopped."""
    kinds = [type(step).__name__ for step in plan.steps]
    assert kinds.index("Unpack") < kinds.index("DemandUnused")
    with pytest.raises(HomeportError, match=said):
        here.yard.carry_out(plan)
    data = here.yard.data("production")
    assert (data / "since").exists()
    assert {path.name for path in data.parent.glob("data*")} == {"data"}
    here.yard.around("production").seam.tidy()
    assert here.beside() == []
    assert not [one for one in here.yard.journal("production").operations() if one.is_open]


def test_without_pg_restore_a_dump_is_refused_and_the_data_stay(
    tmp_path: Path,
    original: Original,
    shelves: dict[Keeping, Path],
    postgres: Cluster,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with mixed(postgres, tmp_path / "yard", {"production": (original.production, "file")}) as here:
        plan = moved(here, shelves["database"])
        monkeypatch.setattr(programs, "DEBIAN", tmp_path)
        monkeypatch.setenv("PATH", str(tmp_path))
        undone(here, plan, "There is no pg_restore on this machine")


def test_a_role_that_may_not_make_databases_is_told_so_and_the_data_stay(
    tmp_path: Path, original: Original, shelves: dict[Keeping, Path], postgres: Cluster
) -> None:
    with mixed(postgres, tmp_path / "yard", {"production": (original.production, "database")}) as here:
        plan = moved(here, shelves["file"])
        postgres.execute(f"ALTER ROLE {ROLE} NOCREATEDB")
        undone(here, plan, "cannot be made: permission denied to create database")


@pytest.mark.slow
@every(37)
@TWO
def test_a_restore_between_the_two_that_is_killed_anywhere_leaves_the_old_or_the_new(
    tmp_path: Path, postgres: Cluster, original: Original, shelves: dict[Keeping, Path], kept: Keeping, stride: int
) -> None:
    def attempt(here: Mixed) -> Attempt:
        return Attempt(here.yard, "production", moved(here, shelves[kept]), here.database("production"))

    def judge(here: Mixed) -> str:
        return judged(here, "production", OTHER[kept], "before-restore")

    def begin(number: int) -> AbstractContextManager[Mixed]:
        return mixed(postgres, tmp_path / str(number), {"production": (original.production, OTHER[kept])})

    assert set(killed_everywhere(begin, attempt, judge, postgres, stride)) == {"old", "new"}


@pytest.mark.slow
@every(41)
@TWO
def test_a_sync_between_the_two_that_is_killed_anywhere_leaves_the_old_or_the_new(
    tmp_path: Path, postgres: Cluster, original: Original, kept: Keeping, stride: int
) -> None:
    data: dict[str, tuple[Path, Keeping]] = {
        "production": (original.production, kept),
        "development": (original.development, OTHER[kept]),
    }

    def attempt(here: Mixed) -> Attempt:
        (here.yard.data("development") / "since").write_text("the backup")
        plan = plan_sync(here.yard.target("development"), "production", "texts", SAFETY, kept)
        return Attempt(here.yard, "development", plan, here.database("development"))

    def judge(here: Mixed) -> str:
        assert here.facts("production")["counts"]["tokens"] > 0
        return judged(here, "development", OTHER[kept], None)

    def begin(number: int) -> AbstractContextManager[Mixed]:
        return mixed(postgres, tmp_path / str(number), data)

    assert set(killed_everywhere(begin, attempt, judge, postgres, stride)) == {"old", "new"}


def judged(here: Mixed, name: str, now: Keeping, keeps: str | None) -> str:
    """Which data are there; all that goes with them is as it must be, also beside the other environment's."""
    facts = here.facts(name)
    assert facts["problems"] == []
    assert here.keeping(name) == now
    data, databases = here.yard.data(name), here.beside()
    beside = {path.name.partition("-2026")[0] for path in data.parent.glob("data.*")}
    if (data / "since").exists():
        assert (beside, databases) == (set(), [])
        return "old"
    assert beside == ({f"data.{keeps}"} if keeps else set())
    assert len(databases) == (keeps is not None and now == "database")
    assert (facts["counts"]["tokens"] == 0) == (name == "development")
    return "new"
