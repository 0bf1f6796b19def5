"""Restore, sync, migrate and move on databases, killed at every point: the data are the old or the new, and the next
run heals."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pytest

from homeport import server
from homeport.contract import DATABASE_FILE, IDENTITY_FILE, LOCK_FILES, DatabaseAddress
from homeport.contract.database import ADDRESS_FILE
from homeport.environments.backups.moving import Move, plan_move, redeclared
from homeport.environments.backups.plans import plan_restore, plan_sync
from homeport.environments.migrations.plans import plan_migrate
from homeport.host.backups.creating import create_backup
from homeport.host.owners import owner_of
from homeport.identity import read_identity
from homeport.storage.dumps.cluster import Cluster as Of
from homeport.storage.migrations.revisions import HEAD, REVISIONS
from homeport.storage.postgres.identity import stamp
from homeport.storage.postgres.migrating import migrate
from homeport.whereabouts import read_whereabouts
from tests.support.databases_killed import Attempt, How, each_way, killed_everywhere
from tests.support.exchanging import Yard, content, yard
from tests.support.ports import free_ports
from tests.support.postgres import ROLE, Cluster
from tests.support.scratches import Berth, berth
from tests.support.written import write_data

pytestmark = [pytest.mark.slow, pytest.mark.needs_postgres, pytest.mark.timeout(900)]
NEW = {"old", "new"}
BACKUP, SAFETY, OLDER = "20261002T061500Z", "20261002T070000Z", REVISIONS[-2]
PRODUCTION = '[environments.production]\nhttp_port = {}\nsse_port = {}\ndatabase = "{}"\n'
DEVELOPMENT = '[environments.development]\nhttp_port = {}\nsse_port = {}\ndatabase = "{}"\n'
IN_A_FILE = "[environments.production]\nhttp_port = {}\nsse_port = {}\n"


@dataclass(frozen=True)
class Moored:
    """Production, whose data are in a database, or may go into one; and development beside it where there is one."""

    made: Yard
    here: Berth
    other: Berth | None = None


@contextmanager
def moored(cluster: Cluster, directory: Path) -> Iterator[Moored]:
    """A declaration of production on a database of its own, which is filled."""
    with berth(cluster, directory.with_name(f"{directory.name}-data")) as filled:
        made = yard(directory, PRODUCTION.format(*free_ports(2), filled.database.url))
        _lay(made, filled)
        yield Moored(made, filled)
    shutil.rmtree(directory)


@contextmanager
def two_moored(cluster: Cluster, directory: Path) -> Iterator[Moored]:
    """Development beside it, on a database that has something of its own."""
    with (
        berth(cluster, directory.with_name(f"{directory.name}-data")) as filled,
        berth(cluster, directory.with_name(f"{directory.name}-other"), environment="development") as other,
    ):
        text = PRODUCTION.format(*free_ports(2), filled.database.url)
        made = yard(directory, text + DEVELOPMENT.format(*free_ports(2), other.database.url))
        _lay(made, filled)
        _lay(made, other, "development")
        mark(other)
        yield Moored(made, filled, other)
    shutil.rmtree(directory)


def _lay(made: Yard, filled: Berth, name: str = "production") -> None:
    shutil.rmtree(made.data(name))
    filled.directory.rename(made.data(name))


def numbered(
    moor: Callable[[Cluster, Path], AbstractContextManager[Moored]], cluster: Cluster, directory: Path
) -> Callable[[int], AbstractContextManager[Moored]]:
    return lambda number: moor(cluster, directory / str(number))


def mark(here: Berth) -> None:
    """Stores what was not there when the backup was made."""
    here.cluster.execute("INSERT INTO roles VALUES ('since', 'since', 'x')", here.name)


def is_marked(here: Berth, name: str) -> bool:
    return ("since",) in here.cluster.execute("SELECT role_key FROM roles", name)


def beside(data: Path) -> set[str]:
    """What lies beside a data directory, without the time in its name."""
    return {path.name.partition("-2026")[0] for path in data.parent.glob("data.*")}


def is_sound(made: Yard, name: str, database: DatabaseAddress) -> None:
    found = server.data_facts(made.data(name), deep=True, database=database)
    assert found["problems"] == []
    assert read_whereabouts(made.data(name)) == database.url


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory, postgres: Cluster) -> Path:
    """A directory of backups of a database that was filled, with one good backup."""
    directory = tmp_path_factory.mktemp("original")
    with moored(postgres, directory / "yard") as there:
        create_backup(there.made.around("production"), BACKUP, "command")
        shutil.copytree(there.made.environment("production").backups_directory, directory / "shelf")
    return directory / "shelf"


@each_way(29, server=31)
def test_a_restore_that_is_killed_anywhere_leaves_the_old_database_or_the_new(
    tmp_path: Path, postgres: Cluster, shelf: Path, how: How, stride: int
) -> None:
    def attempt(there: Moored) -> Attempt:
        shutil.copytree(shelf, there.made.environment("production").backups_directory, dirs_exist_ok=True)
        mark(there.here)
        plan = plan_restore(there.made.target("production"), BACKUP, SAFETY)
        return Attempt(there.made, "production", plan, there.here.database)

    def judge(there: Moored) -> str:
        here, data = there.here, there.made.data("production")
        is_sound(there.made, "production", here.database)
        if is_marked(here, here.name):
            assert (beside(data), here.beside()) == (set(), [])
            return "old"
        assert beside(data) == {"data.before-restore"}
        (kept,) = here.beside()
        assert is_marked(here, kept)
        (aside,) = data.parent.glob("data.before-restore-*")
        assert {path.name for path in aside.iterdir()} - LOCK_FILES == {ADDRESS_FILE, IDENTITY_FILE}
        assert kept in (aside / ADDRESS_FILE).read_text()
        return "new"

    assert set(killed_everywhere(numbered(moored, postgres, tmp_path), attempt, judge, postgres, stride, how)) == NEW


@each_way(37)
def test_a_sync_that_is_killed_anywhere_leaves_the_old_database_or_the_new_and_production_as_it_was(
    tmp_path: Path, postgres: Cluster, how: How, stride: int
) -> None:
    def attempt(there: Moored) -> Attempt:
        assert there.other is not None
        plan = plan_sync(there.made.target("development"), "production", "texts", SAFETY, "database")
        return Attempt(there.made, "development", plan, there.other.database)

    def judge(there: Moored) -> str:
        assert there.other is not None
        is_sound(there.made, "production", there.here.database)
        is_sound(there.made, "development", there.other.database)
        # Neither on the one server nor on the other, and nothing is kept of what was replaced.
        assert (there.here.beside(), there.other.beside()) == ([], [])
        assert (beside(there.made.data("production")), beside(there.made.data("development"))) == (set(), set())
        texts = "SELECT count(*) FROM messages WHERE body ~ 'Quartzite|Marmalade'"
        if is_marked(there.other, there.other.name):
            return "old"
        assert there.other.cluster.execute(texts, there.other.name) == [(0,)]
        return "new"

    assert (
        set(killed_everywhere(numbered(two_moored, postgres, tmp_path), attempt, judge, postgres, stride, how)) == NEW
    )


@contextmanager
def older_moored(cluster: Cluster, directory: Path) -> Iterator[Moored]:
    """Production, whose database lacks the last migration."""

    def fill(address: DatabaseAddress) -> None:
        with Of(address).connected() as connection:
            stamp(connection, identity)
        migrate(address, revision=OLDER)

    with moored(cluster, directory) as there:
        found = read_identity(there.made.data("production"))
        assert found is not None
        identity = found
        template = cluster.template("older_berth", fill)
        cluster.drop(there.here.database)
        cluster.execute(f"CREATE DATABASE {there.here.name} OWNER {ROLE} TEMPLATE {template} ENCODING 'UTF8'")
        mark(there.here)
        yield there


@each_way(31)
def test_a_migration_that_is_killed_anywhere_leaves_the_old_schema_or_the_new(
    tmp_path: Path, postgres: Cluster, how: How, stride: int
) -> None:
    """It is killed within the transaction of the migration, too."""

    def attempt(there: Moored) -> Attempt:
        plan = plan_migrate(there.made.target("production"), (HEAD,), SAFETY)
        return Attempt(there.made, "production", plan, there.here.database)

    def judge(there: Moored) -> str:
        is_sound(there.made, "production", there.here.database)
        assert is_marked(there.here, there.here.name)
        assert (beside(there.made.data("production")), there.here.beside()) == (set(), [])
        ((schema,),) = postgres.execute("SELECT version_num FROM alembic_version", there.here.name)
        return {OLDER: "old", HEAD: "new"}[schema]

    assert (
        set(killed_everywhere(numbered(older_moored, postgres, tmp_path), attempt, judge, postgres, stride, how)) == NEW
    )


@pytest.fixture(scope="module")
def in_a_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data of production in a file, with something of everything."""
    directory = tmp_path_factory.mktemp("file") / "data"
    directory.mkdir()
    write_data(directory)
    return directory


@contextmanager
def unmoored(cluster: Cluster, directory: Path, data: Path) -> Iterator[Moored]:
    """Production with its data in a file, and an empty database."""
    made = yard(directory, IN_A_FILE.format(*free_ports(2)))
    shutil.copytree(data, made.data("production"), dirs_exist_ok=True)
    with berth(cluster, directory.with_name(f"{directory.name}-data")) as filled:
        cluster.drop(filled.database)
        cluster.execute(f"CREATE DATABASE {filled.name} OWNER {ROLE} TEMPLATE template0 ENCODING 'UTF8'")
        shutil.rmtree(filled.directory)
        yield Moored(made, filled)
    shutil.rmtree(directory)


def a_move(there: Moored, url: str | None) -> Attempt:
    file = PurePosixPath(there.made.declaration.file)
    text = redeclared(Path(file).read_text(), "production", url, None)
    move = Move(file=file, text=text, mode=0o644, owner=owner_of(Path(file)), url=url, password_file=None)
    plan = plan_move(there.made.target("production"), move, SAFETY)
    return Attempt(there.made, "production", plan, there.here.database)


def is_declared(there: Moored) -> bool:
    """Whether the declaration says that the data are in the database."""
    return there.here.database.url in Path(there.made.declaration.file).read_text()


@each_way(37, failing=41, server=43)
def test_a_move_into_a_database_that_is_killed_anywhere_leaves_all_in_the_file_or_all_in_the_database(
    tmp_path: Path, postgres: Cluster, in_a_file: Path, how: How, stride: int
) -> None:
    def judge(there: Moored) -> str:
        here, data = there.here, there.made.data("production")
        if is_declared(there):
            is_sound(there.made, "production", here.database)
            assert not (data / DATABASE_FILE).exists()
            (aside,) = data.parent.glob("data.before-move-*")
            assert content(aside) == content(in_a_file)
            assert (beside(data), here.beside()) == ({"data.before-move"}, [])
            return "new"
        assert content(data) == content(in_a_file)
        assert (beside(data), here.beside()) == (set(), [])
        assert postgres.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'", here.name) == []
        return "old"

    begin = numbered(lambda cluster, directory: unmoored(cluster, directory, in_a_file), postgres, tmp_path)
    seen = killed_everywhere(begin, lambda there: a_move(there, there.here.database.url), judge, postgres, stride, how)
    assert set(seen) == NEW


@each_way(29)
def test_a_move_into_a_file_that_is_killed_anywhere_leaves_all_in_the_database_or_all_in_the_file(
    tmp_path: Path, postgres: Cluster, how: How, stride: int
) -> None:
    def judge(there: Moored) -> str:
        here, data = there.here, there.made.data("production")
        # What the data were in stays as it was.
        assert is_marked(here, here.name)
        assert here.beside() == []
        if is_declared(there):
            is_sound(there.made, "production", here.database)
            assert beside(data) == set()
            return "old"
        facts = server.data_facts(data, deep=True)
        assert (facts["problems"], facts["counts"]["roles"]) == ([], 2)
        assert not (data / ADDRESS_FILE).exists()
        assert beside(data) == {"data.before-move"}
        return "new"

    def attempt(there: Moored) -> Attempt:
        mark(there.here)
        return a_move(there, None)

    assert set(killed_everywhere(numbered(moored, postgres, tmp_path), attempt, judge, postgres, stride, how)) == NEW
