"""deploy and rollback on a machine with real systemd and nginx: of Homeport itself, built from commits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.support.later import LATER
from tests.support.machine import booted
from tests.support.machines.image import wheelhouse
from tests.system.harbour import Harbour, Load

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def harbour(image: Sequence[Path], machines_home: Path) -> Iterator[Harbour]:
    """A machine that serves a first release."""
    with booted(image, machines_home) as machine, wheelhouse() as wheels:
        harbour = Harbour(machine, wheels)
        assert harbour.health["release"] is None
        first = harbour.deploy()["release"]
        assert harbour.health["release"] == first
        yield harbour


def test_nobody_is_refused_while_releases_come_and_go(harbour: Harbour) -> None:
    before = harbour.health["release"]
    with Load(harbour, 1200) as load:
        harbour.commit({})
        second = harbour.deploy()["release"]
        assert harbour.health["release"] == second
        for release in (before, second, before):
            harbour.change("rollback", "production", "--to", release, "--watch", "1")
            assert harbour.health["release"] == release
    assert load.found["failed"] == []
    assert load.found["answered"] > 1000
    states = harbour.slots()
    assert sorted(state for state, _ in states.values()) == ["active", "inactive"]
    assert {release for _, release in states.values()} == {before}


def test_a_release_that_the_one_before_cannot_live_with_comes_and_goes_while_callers_wait(harbour: Harbour) -> None:
    before = harbour.health
    harbour.token_call("create_project", id="p", name="small", description="d")
    with Load(harbour, 1200) as load:
        harbour.commit(harbour.migration(previous=False))
        made = harbour.deploy()
        assert harbour.health["schema_version"] == LATER
        assert harbour.token_call("get_project", id="p")["project"]["name"] == "SMALL"
    assert load.found["failed"] == []
    assert made["hand_over"]["migrations"] == [LATER]
    assert 0 < made["hand_over"]["held_seconds"] < 30
    assert harbour.health["release"] != before["release"]
    # The code alone does not lead back.
    said = harbour.change("rollback", "production", "--to", before["release"], code=1)["error"]["message"]
    assert "schema" in said
    assert harbour.health["release"] == made["release"]
