"""A deploy that is killed, wherever it is: the next run finds the old release serving, or the new one, never half."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path, PurePosixPath

import pytest

from homeport.cli.hands import hands_of, releases_of
from homeport.environments.releases.plans import Change, plan_deploy
from homeport.environments.releases.release import is_release_id, new_release_id
from homeport.environments.releases.steps import BuildRelease
from homeport.host.carrying import Carrier, carrying
from homeport.host.data.program import current_release
from homeport.host.declaration_file import read_declaration
from homeport.host.health import ask_environment
from homeport.host.operation_lock import operation_lock
from homeport.host.releases.scripts import scripts_for, standing_of_commit
from homeport.host.releases.source import Source
from tests.support.dying import CountedJournal, Point, counted_hands, killed_at
from tests.support.notes import Shop
from tests.support.releases import Harbour

BEGINNING = datetime(2026, 10, 2, 6, 15, tzinfo=UTC)


@pytest.fixture
def harbour(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Harbour]:
    one = Harbour(tmp_path, capsys)
    yield one
    one.stop()


@pytest.fixture
def shop(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Shop]:
    one = Shop(tmp_path, capsys)
    yield one
    one.stop()


def deploy(harbour: Harbour, commit: str, number: int, point: Point) -> None:
    """As the command does it, but that it passes a point before and after all that it does."""
    declaration, environment = read_declaration(harbour.file, {}), harbour.environment
    directory = Path(environment.journal_directory)
    journal = CountedJournal(directory)
    journal.point = point
    release = new_release_id(BEGINNING + timedelta(seconds=number), commit)
    source = PurePosixPath(harbour.repository.directory)
    standing = standing_of_commit(environment, Source(Path(source)), commit)
    change = Change(
        environment=environment,
        release=release,
        backup=f"{BEGINNING + timedelta(seconds=number):%Y%m%dT%H%M%SZ}",
        scratch=None,
        socket=PurePosixPath(harbour.directory / "s"),
        seconds=15,
        watch=0.1,
        scripts=scripts_for(environment, standing),
    )
    build = BuildRelease(environment.name, release, source, commit, "ada")
    with operation_lock(directory, environment.name):
        Carrier(journal, counted_hands(hands_of(declaration, environment), point)).carry_out(plan_deploy(change, build))


@pytest.mark.slow
@pytest.mark.timeout(0)
@pytest.mark.parametrize("stride", [5, pytest.param(1, marks=pytest.mark.soak)])
def test_wherever_a_deploy_is_killed_the_release_before_or_the_new_one_serves(stride: int, harbour: Harbour) -> None:
    harbour.release("old")
    old = harbour.deploy()["release"]
    new = harbour.release("new")
    environment, number = harbour.environment, 0
    while killed_at(number, partial(deploy, harbour, new, number)):
        hands = hands_of(read_declaration(harbour.file, {}), environment)
        with carrying(Path(environment.journal_directory), environment.name, hands) as carrier:
            carrier.heal()
        serves = ask_environment(environment).payload.get("version")
        assert (serves, current_release(environment) == old) in (("old", True), ("new", False)), f"killed at {number}"
        there = {path.name for path in Path(environment.releases_directory).iterdir() if path.is_dir()}
        assert all(map(is_release_id, there)), there
        if serves == "new":
            harbour.json("rollback", "shop", "--to", old, "--watch", "0.1")
        number += stride
    assert number > 32
    states = {
        one.id: one.state for one in releases_of(read_declaration(harbour.file, {}), environment).shelf.releases()
    }
    assert set(states.values()) <= {"good", "failed", "bad"}


@pytest.mark.slow
@pytest.mark.timeout(0)
@pytest.mark.parametrize("stride", [7, pytest.param(1, marks=pytest.mark.soak)])
def test_wherever_a_deploy_that_migrates_is_killed_release_and_data_fit_each_other(stride: int, shop: Shop) -> None:
    shop.version("2", "pass")
    new, number, seen = shop.repository.git("rev-parse", "HEAD"), 1, set()
    while killed_at(number, partial(deploy, shop, new, number)):
        environment = shop.environment
        hands = hands_of(read_declaration(shop.file, {}), environment)
        with carrying(Path(environment.journal_directory), environment.name, hands) as carrier:
            carrier.heal()
        notes = shop.notes()
        seen.add(notes[0])
        assert notes in (("1", ["one", "two"]), ("2", ["ONE", "TWO"])), f"killed at {number}"
        assert [name for name in shop.beside() if "left" not in name and "rollback" not in name] == []
        if notes[0] == "2":
            shop.json("rollback", "shop", "--to", shop.first, "--watch", "0.1", "--lose")
        number += stride
    assert "1" in seen
