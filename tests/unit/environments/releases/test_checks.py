"""What is looked at before a deploy, and what follows from it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath

import pytest

from homeport.environments.machine.drift import Drift
from homeport.environments.releases.checks import Check, Found, Proving, demand, judge
from homeport.errors import GuardError
from tests.support.provisioning import declared

NOW = datetime(2026, 10, 2, 6, 15, tzinfo=UTC)
COMMIT = "1a2b3c4d" * 5
WELL = Found(
    drift=(), last_backup=NOW - timedelta(hours=2), last_drill=NOW - timedelta(days=3), proven=True, proving=None
)
DEMANDING = declared('source = "/srv/source"\n[environments.production.deploy]\ncheck = ["bin/tested"]\n')


def checks(found: Found) -> dict[str, Check]:
    return {one.name: one for one in judge(DEMANDING, found, COMMIT, NOW)}


def test_where_all_is_well_nothing_is_refused_and_all_is_told() -> None:
    serves = replace(WELL, proving=Proving(name="development", commit=COMMIT, healthy=True))
    found = checks(serves)
    assert {one.weight for one in found.values()} == {"ok"}
    assert set(found) == {"drift", "tests", "proven", "backup", "drill"}
    demand(list(found.values()))


@pytest.mark.parametrize(
    ("change", "name", "sentence"),
    [
        ({"drift": (Drift(PurePosixPath("/etc/u"), "edited"),)}, "drift", "/etc/u was changed by hand"),
        ({"refused": "3 tests failed"}, "tests", "bin/tested does not agree to 1a2b3c4: 3 tests failed"),
        ({"proving": Proving(name="development", commit=None, healthy=True)}, "proven", "serves no known commit"),
        ({"proving": Proving(name="development", commit="f" * 40, healthy=True)}, "proven", "serves fffffff, not"),
        ({"proving": Proving(name="development", commit=COMMIT, healthy=False)}, "proven", "is not healthy"),
    ],
)
def test_what_is_not_as_demanded_refuses_and_says_what_to_do(
    change: dict[str, object], name: str, sentence: str
) -> None:
    found = checks(replace(WELL, **change))  # type: ignore[arg-type]
    assert found[name].weight == "refusal"
    with pytest.raises(GuardError, match=sentence) as raised:
        demand(list(found.values()))
    assert found[name].hint in raised.value.hint
    assert "--anyway" in raised.value.hint


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"last_backup": None}, "backup"),
        ({"last_backup": NOW - timedelta(days=9)}, "backup"),
        ({"last_drill": None}, "drill"),
        ({"proven": False}, "drill"),
        ({"last_drill": NOW - timedelta(days=90)}, "drill"),
    ],
)
def test_old_backups_and_drills_are_worth_a_word_and_stop_nothing(change: dict[str, object], name: str) -> None:
    found = checks(replace(WELL, **change))  # type: ignore[arg-type]
    assert found[name].weight == "warning"
    demand(list(found.values()))


def test_a_drop_in_is_a_persons_right_and_without_systemd_there_is_no_drift() -> None:
    assert checks(replace(WELL, drift=(Drift(PurePosixPath("/etc/u.d/x.conf"), "override"),)))["drift"].weight == "ok"
    assert "drift" not in checks(replace(WELL, drift=None))


def test_of_a_rollback_no_commit_is_asked_for() -> None:
    serves = replace(WELL, refused="no", proving=Proving(name="development", commit=None, healthy=False))
    assert {one.name for one in judge(DEMANDING, serves, None, NOW)} == {"drift", "backup", "drill"}
