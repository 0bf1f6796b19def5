"""Restore, sync and drill, killed at every point: the data are the old or the new, and the next run heals."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import pytest

from homeport.environments.backups.data_steps import Scratch
from homeport.environments.backups.plans import plan_drill, plan_restore, plan_sync
from homeport.environments.plan import Plan
from homeport.host.backups.creating import create_backup
from homeport.host.carrying import Carrier, carrying
from homeport.host.hands import Hands
from homeport.host.services.awaiting import await_health
from tests.support.dying import CountedJournal, Point, counted_hands, killed_at
from tests.support.exchanging import Yard, content, yard
from tests.support.foreign import PROGRAM, foreign_table
from tests.support.ports import free_ports
from tests.support.waiting import until
from tests.support.written import write_data

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
STRIDES = pytest.mark.parametrize("stride", [5, pytest.param(1, marks=pytest.mark.soak)])
"""Every fifth point; all of them with ``make soak``."""

BACKUP, SAFETY = "20261002T061500Z", "20261002T070000Z"
OWN = "".join(f"[environments.{name}]\nhttp_port = {{}}\nsse_port = {{}}\n" for name in ("production", "development"))


def own_yard(directory: Path) -> Yard:
    """Production and development with data each, and a backup of production from before something happened."""
    made = yard(directory, OWN.format(*free_ports(4)))
    for name in ("production", "development"):
        shutil.rmtree(made.data(name))
        (directory / f"{name}-made").mkdir()
        write_data(directory / f"{name}-made", name)
        (directory / f"{name}-made").rename(made.data(name))
    create_backup(made.around("production"), BACKUP, "command")
    (made.data("production") / "since").write_text("the backup")
    return made


def copied(made: Yard, directory: Path) -> Yard:
    """The same yard once more, elsewhere."""
    source = Path(made.declaration.file).parent
    shutil.copytree(source, directory)
    return yard(directory, (directory / "homeport.toml").read_text())


def restore_of(made: Yard) -> Plan:
    return plan_restore(made.target("production"), BACKUP, SAFETY)


def sync_of(made: Yard) -> Plan:
    return plan_sync(made.target("development"), "production", "none", SAFETY)


def killed_everywhere(
    original: Yard,
    directory: Path,
    name: str,
    plan_of: Callable[[Yard], Plan],
    check: Callable[[Yard], str],
    stride: int,
    *,
    after: Callable[[Yard], None] = lambda _: None,
) -> dict[str, int]:
    """Runs a plan again and again, killed one point later each time, heals, and counts what ``check`` says of it."""
    seen: dict[str, int] = {}
    number = 0
    while True:
        made = copied(original, directory / str(number))
        plan = plan_of(made)

        def run(point: Point, made: Yard = made, plan: Plan = plan) -> None:
            journal = CountedJournal(Path(made.environment(name).journal_directory))
            journal.point = point
            Carrier(journal, counted_hands(made.hands(name), point)).carry_out(plan)

        if not killed_at(number, run):
            break
        # Whoever heals is killed as well, at a point that moves along; only the next one lives.
        killed_at(number % 4, lambda point, made=made: heal(made, name, point))  # type: ignore[misc]
        with carrying(Path(made.environment(name).journal_directory), name, made.hands(name)) as carrier:
            carrier.heal()
        assert not [one for one in made.journal(name).operations() if one.is_open]
        outcome = check(made)
        seen[outcome] = seen.get(outcome, 0) + 1
        after(made)
        shutil.rmtree(directory / str(number))
        number += stride
    return seen


def heal(made: Yard, name: str, point: Point) -> None:
    journal = CountedJournal(Path(made.environment(name).journal_directory))
    journal.point = point
    hands: Hands = counted_hands(made.hands(name), point)
    Carrier(journal, hands).heal()


def left_beside(made: Yard, name: str) -> set[str]:
    """What lies beside the data directory and was not there before, without the time in its name."""
    data = made.data(name)
    return {path.name.partition("-2026")[0] for path in data.parent.glob(f"{data.name}.*")}


@STRIDES
def test_a_restore_that_is_killed_anywhere_leaves_the_old_data_or_the_new(tmp_path: Path, stride: int) -> None:
    original = own_yard(tmp_path / "original")
    old = content(original.data("production"))

    def check(made: Yard) -> str:
        found = content(made.data("production"))
        if found == old:
            assert left_beside(made, "production") == set()
            return "old"
        assert "since" not in (found if isinstance(found, dict) else {})
        assert made.around("production").seam.examine(made.data("production")).problems == ()
        (kept,) = made.data("production").parent.glob("data.before-restore-*")
        assert content(kept) == old
        return "new"

    seen = killed_everywhere(original, tmp_path / "killed", "production", restore_of, check, stride)
    assert sum(seen.values()) > 40 / stride
    assert set(seen) == {"old", "new"}


@STRIDES
def test_a_sync_that_is_killed_anywhere_leaves_the_old_data_or_the_new_and_production_as_it_was(
    tmp_path: Path, stride: int
) -> None:
    original = own_yard(tmp_path / "original")
    old, theirs = content(original.data("development")), content(original.data("production"))

    def check(made: Yard) -> str:
        assert content(made.data("production")) == theirs
        assert left_beside(made, "development") == set()
        if content(made.data("development")) == old:
            return "old"
        told = json.loads((made.data("development") / "DEVELOPMENT_SNAPSHOT.json").read_text())
        assert told["origin"] == "production"
        assert made.around("development").seam.examine(made.data("development")).problems == ()
        return "new"

    seen = killed_everywhere(original, tmp_path / "killed", "development", sync_of, check, stride)
    assert sum(seen.values()) > 40 / stride
    assert set(seen) == {"old", "new"}


@STRIDES
def test_a_drill_that_is_killed_anywhere_leaves_nothing_behind(tmp_path: Path, stride: int) -> None:
    original = own_yard(tmp_path / "original")
    old = content(original.data("production"))

    def drill_of(made: Yard) -> Plan:
        shelf = PurePosixPath(made.environment("production").backups_directory)
        return plan_drill("production", BACKUP, shelf / ".drill", shelf / ".sockets")

    def check(made: Yard) -> str:
        assert content(made.data("production")) == old
        record = made.around("production").shelf.find(BACKUP)
        names = sorted(path.name for path in made.around("production").shelf.directory.iterdir())
        assert names == [f"data-{BACKUP}.json", f"data-{BACKUP}.tar.zst"]
        return "drilled" if record.drilled else "not yet"

    seen = killed_everywhere(original, tmp_path / "killed", "production", drill_of, check, stride)
    assert set(seen) == {"drilled", "not yet"}


@STRIDES
def test_a_restore_under_a_server_that_is_killed_anywhere_ends_with_the_server_running(
    tmp_path: Path, stride: int
) -> None:
    (tmp_path / "original").mkdir()
    (tmp_path / "original" / "shop.py").write_text(PROGRAM)
    original = yard(tmp_path / "original", foreign_table(tmp_path / "original" / "shop.py", free_ports(1)[0]))
    (original.data("shop") / "orders.json").write_text('["old"]')
    create_backup(original.around("shop"), BACKUP, "command")
    (original.data("shop") / "orders.json").write_text('["new", "er"]')

    def plan_of(made: Yard) -> Plan:
        made.manager.start(made.environment("shop"))
        await_health(made.manager, made.environment("shop"), 20)
        plan = plan_restore(made.target("shop"), BACKUP, SAFETY)
        assert any(str(step) == "start the server of shop" for step in plan.steps)
        return plan

    def check(made: Yard) -> str:
        until(lambda: made.manager.state(made.environment("shop")).running)
        return (made.data("shop") / "orders.json").read_text()

    def stop(made: Yard) -> None:
        made.manager.stop(made.environment("shop"))

    try:
        seen = killed_everywhere(original, tmp_path / "killed", "shop", plan_of, check, stride, after=stop)
    finally:
        for directory in (tmp_path / "killed").iterdir():
            stop(yard(directory, (directory / "homeport.toml").read_text()))
    assert set(seen) == {'["old"]', '["new", "er"]'}
    assert sum(seen.values()) > 50 / stride


def test_what_is_in_the_way_of_an_operations_own_directory_is_not_touched(tmp_path: Path) -> None:
    made = own_yard(tmp_path)
    target = made.target("production")
    there = Path(target.beside("restoring"))
    there.mkdir()
    (there / "mine").write_text("precious")
    with pytest.raises(Exception, match="is in the way"):
        made.carry_out(restore_of(made))
    assert (there / "mine").read_text() == "precious"
    assert Scratch(target.beside("restoring")) in restore_of(made).steps
    assert os.listdir(there) == ["mine"]  # noqa: PTH208 - names are what is wanted
