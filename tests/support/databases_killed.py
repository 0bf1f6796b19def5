"""Operations on data in a database, killed at one point after the other: within what is done to databases, too."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from itertools import count
from pathlib import Path, PurePosixPath
from typing import Any, Final, Literal

import psutil
import pytest

from homeport import server
from homeport.contract import DatabaseAddress
from homeport.environments.declaration import parse_declaration
from homeport.environments.migrations.pending import Finding, Ran, Standing
from homeport.environments.plan import Plan
from homeport.errors import HomeportError
from homeport.host.carrying import Carrier, all_hands, carrying
from homeport.host.hands import Hands
from homeport.host.migrations.hands import migration_hands
from tests.support.dying import CountedJournal, Point, counted_hands, killed_at
from tests.support.exchanging import DATABASE_STEPS, DatabasesInProcess, Yard
from tests.support.postgres import Cluster, lives
from tests.support.waiting import until

DENSE: Final = (
    *("server.databases.exchanging.drop", "server.databases.exchanging.stamp", "server.databases.loading.stamp"),
    *("server.databases.moving.stamp", "server.databases.preparing.check_bytes", "server.databases.preparing.restamp"),
    *("storage.dumps.dumping.run_program", "storage.dumps.loading.run_program", "storage.dumps.exchanging.create_like"),
    *("storage.dumps.exchanging.rename", "storage.dumps.scratch.create_like", "storage.dumps.scratch.drop"),
    *("storage.dumps.upgrading._keep", "storage.migrations.running._check", "storage.moving.copying._compared"),
    *(
        "server.databases.moving.into_file",
        "storage.moving.copying._count_on",
        "storage.moving.copying.migrate_database",
        "storage.moving.copying.reindex",
    ),
)
"""What is done to databases and to what lies with them: before and after each of it a run may be killed."""


How = Literal["killed", "failing", "server"]
"""A run is killed; something fails in it; or the database server is killed under it, and started again."""
STRUCK: Final = 7
"""The exit code of a run that came so far."""


def each_way(killed: int, failing: int = 0, server: int = 0) -> pytest.MarkDecorator:
    """As :func:`every`, for each thing that may happen; with 0 only with ``make soak``."""
    soak = [pytest.mark.soak, pytest.mark.timeout(0)]
    some = [(how, stride) for how, stride in (("killed", killed), ("failing", failing), ("server", server)) if stride]
    whole = [pytest.param(how, 1, marks=soak) for how in ("killed", "failing", "server")]
    return pytest.mark.parametrize(("how", "stride"), [*some, *whole])


def every(points: int) -> pytest.MarkDecorator:
    """A handful of points, that far from each other; all of them with ``make soak``."""
    return pytest.mark.parametrize(
        "stride", [points, pytest.param(1, marks=[pytest.mark.soak, pytest.mark.timeout(0)])]
    )


class MigratesInProcess:
    """Migrates Homeport's own data in a database likewise."""

    def __init__(self, database: DatabaseAddress) -> None:
        self._database = database

    def look(self, directory: Path) -> Standing:
        facts = server.data_facts(directory, database=self._database)
        return Standing(facts["schema_version"], tuple(facts["pending_migrations"]))

    def run(self, copy: Path) -> Ran:
        done = server.upgrade_snapshot(copy, self._database)
        return Ran(tuple(done["ran"]), done["from_schema"], done["to_schema"], done["rows"])

    def verify(self, directory: Path) -> list[Finding]:
        found = server.verify_data(directory, database=self._database)
        return [Finding(one["migration"], one["text"]) for one in found["findings"]]


@dataclass(frozen=True)
class Attempt:
    """What is about to be killed.

    Attributes:
        made: the declaration and its directories.
        name: of the environment that is changed.
        plan: what is carried out.
        database: that is exchanged, be it declared or about to be.
    """

    made: Yard
    name: str
    plan: Plan
    database: DatabaseAddress

    def hands(self) -> Hands:
        """As a command has them that reads the declaration now."""
        here = self.declared()
        exchanging = dict.fromkeys(DATABASE_STEPS, DatabasesInProcess(self.database))
        migrating = migration_hands(here.around(self.name), lambda _: MigratesInProcess(self.database))
        return all_hands(here.hands(self.name), exchanging, migrating)

    def declared(self) -> Yard:
        """As it is declared now."""
        file = Path(self.made.declaration.file)
        return Yard(parse_declaration(file.read_text(), PurePosixPath(file)))

    @property
    def journal(self) -> Path:
        """Its directory."""
        return Path(self.made.environment(self.name).journal_directory)

    def carry_out(self, point: Point) -> None:
        """Carries it out, passing points; afterwards it tidies up, as every command on data does."""
        try:
            self._carrier(point).carry_out(self.plan)
        finally:
            with suppress(HomeportError):
                self.declared().around(self.name).seam.tidy()

    def heal(self, point: Point) -> None:
        """Heals, passing points."""
        self._carrier(point).heal()

    def heal_for_good(self) -> None:
        """As the next command does it: with what an operation on data does after all."""
        here = self.declared()
        tidy = here.around(self.name).seam.tidy
        with carrying(self.journal, self.name, self.hands(), tidy=tidy) as one:
            one.heal()
        assert not [one for one in self.made.journal(self.name).operations() if one.is_open]

    def _carrier(self, point: Point) -> Carrier:
        journal = CountedJournal(self.journal)
        journal.point = point
        for one in DENSE:
            place, _, name = f"homeport.{one}".rpartition(".")
            module = import_module(place)
            # This process is a child that is killed soon, or ends.
            setattr(module, name, _around(getattr(module, name), point))
        return Carrier(journal, counted_hands(self.hands(), point), tidy=self.declared().around(self.name).seam.tidy)


def _strike(how: How, cluster: Cluster) -> Callable[[int, Callable[[Point], None]], bool]:
    """What happens to a run at its point of a number; it answers whether the run passed so many."""
    if how == "killed":
        return killed_at
    if how == "failing":
        return partial(_fails_at, _fail)
    return partial(_without_server, cluster)


def _fail() -> None:
    raise HomeportError("a fault that a test made")


def _without_server(cluster: Cluster, number: int, run: Callable[[Point], None]) -> bool:
    """The database server is killed, and is there again only when the run has come to some end."""
    family = [psutil.Process(cluster.pid), *psutil.Process(cluster.pid).children(recursive=True)]

    def strike() -> None:
        for one in (*family, *psutil.Process(cluster.pid).children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                one.kill()
        until(lambda: not any(lives(one) for one in family), within=30)

    struck = _fails_at(strike, number, run)
    if struck:
        cluster.kill()
        cluster.start()
    return struck


def _fails_at(strike: Callable[[], None], number: int, run: Callable[[Point], None]) -> bool:
    """Runs in a child to which something happens at its point of this number, and which then ends by itself."""
    child = os.fork()
    if child != 0:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == STRUCK
    passed = count()

    def point() -> None:
        if next(passed) == number:
            strike()

    with suppress(BaseException):
        run(point)
    # Not as a second pytest.
    os._exit(STRUCK if next(passed) > number else 0)


def _around(work: Callable[..., object], point: Point) -> Callable[..., object]:
    def run(*given: object, **named: object) -> object:
        point()
        result = work(*given, **named)
        point()
        return result

    return run


def killed_everywhere(
    begin: Callable[[int], Any],
    attempt_of: Callable[[Any], Attempt],
    judge: Callable[[Any], str],
    cluster: Cluster,
    stride: int,
    how: How = "killed",
) -> dict[str, int]:
    """Carries a plan out again and again, killed some points later each time, heals, and counts what became of it.

    Args:
        begin: opens, as a context, what the attempt of this number is made on.
        attempt_of: from that to what is killed.
        judge: says which data are there, after all that goes with them was looked at.
        cluster: with the databases.
        stride: points from one attempt to the next.
        how: see :data:`How`.
    """
    seen: dict[str, int] = {}
    for loaded in (*(f"homeport.{one}".rpartition(".")[0] for one in DENSE), "alembic.command", "alembic.migration"):
        # Once, and not in each child.
        import_module(loaded)
    for number in count(stride // 2, stride):
        with begin(number) as there:
            attempt = attempt_of(there)
            killed = _strike(how, cluster)(number, attempt.carry_out)
            if killed:
                # Whoever heals is killed as well, at a point that moves along; only the next one lives.
                if how == "killed":
                    killed_at(number % 5, attempt.heal)
                attempt.heal_for_good()
            until(lambda: locks(cluster) == [])
            outcome = judge(there)
            seen[outcome] = seen.get(outcome, 0) + 1
            if not killed:
                assert outcome == "new"
                print(f"{number} points: {seen}")  # noqa: T201 - what the figures are for
                return seen
    return seen


def locks(cluster: Cluster) -> list[tuple[Any, ...]]:
    """The advisory locks that somebody holds or waits for."""
    return cluster.execute("SELECT database, objid, granted FROM pg_locks WHERE locktype = 'advisory'")


@contextmanager
def emptied(directory: Path) -> Iterator[None]:
    """Throws a directory away afterwards: hundreds of attempts leave hundreds of them."""
    yield
    shutil.rmtree(directory, ignore_errors=True)
