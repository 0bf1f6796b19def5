"""A change of release with a migration that the one before cannot live with, killed at each step of its plan.

The release is on the shelf, as deploy would have built it; killed while it builds it is in tests/unit/host/releases.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from functools import partial
from itertools import count
from pathlib import Path, PurePosixPath
from typing import Final

import pytest

from homeport.cli.hands import hands_of
from homeport.environments.plan import Plan
from homeport.environments.releases.plans import Change, plan_rollback
from homeport.environments.releases.steps import AwaitRelease
from homeport.host.carrying import Carrier
from homeport.host.data.program import current_release
from homeport.host.declaration_file import read_declaration
from homeport.host.operation_lock import operation_lock
from homeport.host.releases.shelf import ReleaseShelf
from homeport.storage.migrations.revisions import HEAD
from tests.support.dying import CountedJournal, Moment, MortalJournal, Point, counted_hands, killed_at
from tests.support.later import LATER
from tests.support.migrating import Dock
from tests.support.release_changes import NEW, OLD, messages, send, served

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
SAVING: Final = 16
"""Points of a run until backup and rehearsal are done."""
MOMENTS: Final[tuple[Moment, ...]] = ("begun", "applied", "done")


@pytest.fixture
def dock(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Dock]:
    """Production, served by a release, and another of a later schema on the shelf."""
    one = Dock(tmp_path, capsys)
    for release, text in ((OLD, ""), (NEW, None)):
        one.shelved(release, text)
    one.serve(OLD)
    yield one
    one.stop()


def plan(dock: Dock, tried: int | None = None) -> Plan:
    """As the command makes it: with a backup, named by a number, and a rehearsal; or without the two."""
    release, environment = NEW, dock.environment
    change = Change(
        environment=environment,
        release=release,
        backup=f"20261004T06{tried:04}Z" if tried is not None else None,
        scratch=environment.directory / f".rehearsal-{release}" if tried is not None else None,
        socket=PurePosixPath(dock.directory / "s"),
        seconds=60,
        watch=0.1,
    )
    return plan_rollback(change, ReleaseShelf(Path(environment.releases_directory)).find(OLD), "a test")


def carry_out(dock: Dock, what: Plan | None, point: Point, at: tuple[int, Moment] | None = None) -> None:
    """Carries out, or heals: passing a point before and after all that is done, or at a moment of one step alone."""
    directory = Path(dock.environment.journal_directory)
    hands = hands_of(read_declaration(dock.file, {}), dock.environment)
    if at is None:
        counted = CountedJournal(directory)
        counted.point = point
        carrier = Carrier(counted, counted_hands(hands, point))
    else:
        mortal = MortalJournal(directory)
        mortal.point, mortal.at = point, at
        carrier = Carrier(mortal, hands)
    with operation_lock(directory, "production"):
        carrier.heal() if what is None else carrier.carry_out(what)


def is_whole(dock: Dock, count: int) -> str:
    """Which release serves; it does so on its own data, with all that was stored, and nothing is left between."""
    dock.run("settle", "production")
    assert not [one for one in dock.operations() if one.is_open]
    release, schema = served(dock)
    assert (release, schema) in ((OLD, HEAD), (NEW, LATER))
    assert current_release(dock.environment) == release
    assert messages(dock) == count
    # What the next one served stays as evidence.
    between = [name for name in dock.beside() if not name.startswith(f"data.left-{NEW}")]
    assert between == [] or (between, release) == ([f"data.before-{NEW}"], NEW)
    send(dock, "since")
    return release


def test_killed_in_each_step_the_release_before_or_the_next_one_serves_its_own_data(dock: Dock) -> None:
    steps, stored = plan(dock).steps, messages(dock)
    found = []
    for number, step in enumerate(steps):
        at = (number, MOMENTS[number % len(MOMENTS)])
        assert killed_at(0, partial(carry_out, dock, plan(dock), at=at)), f"it ended before {step}"
        if isinstance(step, AwaitRelease):
            # Who heals is killed as well, in the middle of it.
            assert killed_at(9, partial(carry_out, dock, None))
        found.append(is_whole(dock, stored + number))
    # Until its last step is noted as done it is taken back.
    assert found == [OLD] * len(steps)
    assert not killed_at(0, partial(carry_out, dock, plan(dock), at=(len(steps), "done")))
    assert is_whole(dock, stored + len(steps)) == NEW


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_killed_at_every_point_and_healed_by_one_that_is_killed_too(dock: Dock) -> None:
    found, points = Counter[str](), 0
    for sweep in ((number, plan(dock, number)) for number in range(SAVING)), ((n, plan(dock)) for n in count()):
        for number, what in sweep:
            stored = messages(dock)
            if not killed_at(number, partial(carry_out, dock, what)):
                break
            killed_at(number % 17, partial(carry_out, dock, None))
            release = is_whole(dock, stored)
            points, found[release] = points + 1, found[release] + 1
            if release == NEW:
                dock.json("rollback", "production", "--to", OLD, "--watch", "0.1", "--yes", "--lose")
    told = {"points": points, "serves": dict(found)}
    print(json.dumps(told))  # noqa: T201 - what the figures are for
    assert points > 60
    assert found[OLD] > 60
    assert served(dock) == (NEW, LATER)
