"""A restore of a database, killed at every point: the data are the old or the new, and the next run heals."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from homeport import server
from homeport.contract import IDENTITY_FILE, LOCK_FILES
from homeport.contract.database import ADDRESS_FILE
from homeport.environments.backups.plans import plan_restore
from homeport.environments.plan import Plan
from homeport.host.backups.creating import create_backup
from homeport.host.carrying import Carrier, carrying
from homeport.storage.dumps import exchanging
from homeport.whereabouts import read_whereabouts
from tests.support.dying import CountedJournal, Point, counted_hands, killed_at
from tests.support.exchanging import Yard, yard
from tests.support.ports import free_ports
from tests.support.postgres import Cluster
from tests.support.scratches import Berth, berth

pytestmark = [pytest.mark.slow, pytest.mark.needs_postgres, pytest.mark.timeout(900)]
STRIDES = pytest.mark.parametrize("stride", [7, pytest.param(1, marks=pytest.mark.soak)])
"""Every seventh point; all of them with ``make soak``."""
BACKUP, SAFETY = "20261002T061500Z", "20261002T070000Z"
_TABLE = '[environments.production]\nhttp_port = {}\nsse_port = {}\ndatabase = "{}"\n'


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory, postgres: Cluster) -> Path:
    """A directory of backups of a database that was filled, with one good backup."""
    directory = tmp_path_factory.mktemp("original")
    with moored(postgres, directory / "yard") as (made, _):
        create_backup(made.around("production"), BACKUP, "command")
        shutil.copytree(made.environment("production").backups_directory, directory / "shelf")
    return directory / "shelf"


@contextmanager
def moored(cluster: Cluster, directory: Path) -> Iterator[tuple[Yard, Berth]]:
    """A declaration of production on a database of its own, which is filled."""
    with berth(cluster, directory.with_name(f"{directory.name}-data")) as filled:
        made = yard(directory, _TABLE.format(*free_ports(2), filled.database.url))
        shutil.rmtree(made.data("production"))
        filled.directory.rename(made.data("production"))
        yield made, filled


def roles(here: Berth, name: str) -> set[str]:
    return {key for (key,) in here.cluster.execute("SELECT role_key FROM roles", name)}


@STRIDES
def test_a_restore_that_is_killed_anywhere_leaves_the_old_database_or_the_new(
    tmp_path: Path, postgres: Cluster, shelf: Path, stride: int
) -> None:
    seen: dict[str, int] = {}
    number = 0
    while True:
        with moored(postgres, tmp_path / str(number)) as (made, here):
            backups = Path(made.environment("production").backups_directory)
            shutil.copytree(shelf, backups, dirs_exist_ok=True)
            postgres.execute("INSERT INTO roles VALUES ('since', 'since', 'x')", here.name)
            plan = plan_restore(made.target("production"), BACKUP, SAFETY)
            if not killed_at(number, carried(made, plan)):
                break
            # Whoever heals is killed as well, at a point that moves along; only the next one lives.
            killed_at(number % 4, healed(made))
            with carrying(
                Path(made.environment("production").journal_directory), "production", made.hands("production")
            ) as one:
                one.heal()
            made.around("production").seam.tidy()
            outcome = judged(made, here)
            seen[outcome] = seen.get(outcome, 0) + 1
        number += stride
    assert set(seen) == {"old", "new"}


def carried(made: Yard, plan: Plan) -> Callable[[Point], None]:
    """Carries a plan out; also within the exchange of the databases it passes points."""

    def run(point: Point) -> None:
        journal = CountedJournal(Path(made.environment("production").journal_directory))
        journal.point = point
        dense(point)
        Carrier(journal, counted_hands(made.hands("production"), point)).carry_out(plan)

    return run


def healed(made: Yard) -> Callable[[Point], None]:
    def run(point: Point) -> None:
        journal = CountedJournal(Path(made.environment("production").journal_directory))
        journal.point = point
        dense(point)
        Carrier(journal, counted_hands(made.hands("production"), point)).heal()

    return run


def dense(point: Point) -> None:
    """Has this process, a child that is about to die, pass a point around each renaming and each stamp."""
    from homeport.server.databases import exchanging as exchange

    for module, name in ((exchanging, "rename"), (exchange, "stamp"), (exchange, "drop")):
        setattr(module, name, _around(getattr(module, name), point))


def _around(work: Callable[..., object], point: Point) -> Callable[..., object]:
    def run(*given: object, **named: object) -> object:
        point()
        result = work(*given, **named)
        point()
        return result

    return run


def judged(made: Yard, here: Berth) -> str:
    """Which data are there; all that goes with them is as it must be."""
    assert not [one for one in made.journal("production").operations() if one.is_open]
    data = made.data("production")
    found = server.data_facts(data, deep=True, database=here.database)
    assert found["problems"] == []
    assert read_whereabouts(data) == here.database.url
    beside = {path.name.partition("-2026")[0] for path in data.parent.glob("data.*")}
    if "since" in roles(here, here.name):
        assert (beside, here.beside()) == (set(), [])
        return "old"
    assert beside == {"data.before-restore"}
    (kept,) = here.beside()
    assert "since" in roles(here, kept)
    (aside,) = data.parent.glob("data.before-restore-*")
    assert {path.name for path in aside.iterdir()} - LOCK_FILES == {ADDRESS_FILE, IDENTITY_FILE}
    assert kept in (aside / ADDRESS_FILE).read_text()
    return "new"
