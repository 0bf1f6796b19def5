"""A migration, killed at every point: the data are the old or the new, and the next run heals."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from pysqlite3 import dbapi2

from homeport import server
from homeport.contract import DATABASE_FILE
from homeport.environments.migrations.pending import Finding, Ran, Standing
from homeport.environments.migrations.plans import plan_migrate, plan_trial
from homeport.environments.plan import Plan
from homeport.host.carrying import Carrier, all_hands, carrying
from homeport.host.hands import Hands
from homeport.host.migrations.hands import migration_hands
from homeport.storage.migrations.revisions import HEAD, REVISIONS
from homeport.storage.sqlite.migrating import migrate
from tests.support.dying import CountedJournal, Point, counted_hands, killed_at
from tests.support.exchanging import Yard, content, yard
from tests.support.ports import free_ports

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
STRIDES = pytest.mark.parametrize("stride", [3, pytest.param(1, marks=pytest.mark.soak)])
"""Every third point; all of them with ``make soak``."""

NAME, SAFETY, OLDER = "production", "20261002T070000Z", REVISIONS[-2]
DECLARED = f"[environments.{NAME}]\nhttp_port = {{}}\nsse_port = {{}}\n"


class InProcess:
    """Migrates Homeport's own data without a program in between."""

    def look(self, directory: Path) -> Standing:
        facts = server.data_facts(directory)
        return Standing(facts["schema_version"], tuple(facts["pending_migrations"]))

    def run(self, copy: Path) -> Ran:
        done = server.upgrade_snapshot(copy)
        return Ran(tuple(done["ran"]), done["from_schema"], done["to_schema"], done["rows"])

    def verify(self, directory: Path) -> list[Finding]:
        return [Finding(one["migration"], one["text"]) for one in server.verify_data(directory)["findings"]]


def older_yard(directory: Path) -> Yard:
    """Data that lack the last migration."""
    made = yard(directory, DECLARED.format(*free_ports(2)))
    data = made.data(NAME)
    server.import_json_v1(data, NAME, Path(__file__).parents[3] / "data" / "json-v1")
    path = data / DATABASE_FILE
    path.unlink()
    migrate(path, revision=OLDER)
    database = dbapi2.connect(str(path), isolation_level=None)
    database.execute("INSERT INTO roles (role_key, name, description) VALUES ('r', 'R', '{}')")
    database.close()
    return made


def hands(made: Yard) -> Hands:
    return all_hands(made.hands(NAME), migration_hands(made.around(NAME), lambda _: InProcess()))


def run_plan(made: Yard, plan: Plan | None, point: Point) -> None:
    """Carries a plan out, or heals, passing points."""
    journal = CountedJournal(Path(made.environment(NAME).journal_directory))
    journal.point = point
    carrier = Carrier(journal, counted_hands(hands(made), point))
    if plan is None:
        carrier.heal()
    else:
        carrier.carry_out(plan)


def outcome_of(made: Yard) -> str:
    """Heals, and says of which schema the data are, which must be sound and whole."""
    with carrying(Path(made.environment(NAME).journal_directory), NAME, hands(made)) as carrier:
        carrier.heal()
    assert not [one for one in made.journal(NAME).operations() if one.is_open]
    data = made.data(NAME)
    assert list(data.parent.glob(f"{data.name}?*")) == []
    facts = server.data_facts(data, deep=True)
    assert facts["problems"] == []
    assert facts["counts"]["roles"] == 1
    return str(facts["schema_version"])


@STRIDES
@pytest.mark.parametrize("operation", ["migrate", "trial"])
def test_a_migration_that_is_killed_anywhere_leaves_the_old_data_or_the_new(
    tmp_path: Path, operation: str, stride: int
) -> None:
    original, seen, number = older_yard(tmp_path / "original"), set(), 0
    old = content(original.data(NAME))
    while True:
        shutil.copytree(tmp_path / "original", tmp_path / str(number))
        made = yard(tmp_path / str(number), (tmp_path / str(number) / "homeport.toml").read_text())
        target = made.target(NAME)
        plan = plan_migrate(target, (HEAD,), SAFETY)
        if operation == "trial":
            plan = plan_trial(NAME, (HEAD,), target.beside("trying"))
        killed = killed_at(number, lambda point, made=made, plan=plan: run_plan(made, plan, point))  # type: ignore[misc]
        # Whoever heals is killed as well, at a point that moves along; only the next one lives.
        killed_at(number % 4, lambda point, made=made: run_plan(made, None, point))  # type: ignore[misc]
        schema = outcome_of(made)
        assert schema == HEAD or content(made.data(NAME)) == old
        seen.add(schema)
        if not killed:
            break
        shutil.rmtree(tmp_path / str(number))
        number += stride
    assert seen == ({OLDER, HEAD} if operation == "migrate" else {OLDER})
    assert number > 15
