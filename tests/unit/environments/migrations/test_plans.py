"""The plans of migrations, and what is said of them."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from homeport.environments.backups.plans import Target
from homeport.environments.migrations.pending import (
    Finding,
    Ran,
    Standing,
    check_standing,
    finding_lines,
    pending_line,
    ran_lines,
)
from homeport.environments.migrations.plans import plan_migrate, plan_trial
from homeport.environments.plan import Plan
from homeport.environments.steps import Ownership
from homeport.errors import CannotStartError


def target(*, running: bool) -> Target:
    return Target(
        environment="production",
        data=PurePosixPath("/srv/production/data"),
        stamp="20261002T070000Z",
        exists=True,
        holds=True,
        sound=True,
        running=running,
        mode=0o700,
        owner=Ownership("homeport", "homeport"),
    )


def kinds(plan: Plan) -> list[str]:
    return [type(step).__name__ for step in plan.steps]


def test_a_server_is_stopped_only_after_the_migration_succeeded_on_a_copy() -> None:
    plan = plan_migrate(target(running=True), ("0006",), "20261002T070000Z")
    found = kinds(plan)
    assert found[0] == "MakeBackup"
    assert found[2:7] == ["CopyWhole", "MigrateCopy", "ComeBack", "StopServer", "CopyWhole"]
    assert [str(step) for step in plan.steps if type(step).__name__ == "MigrateCopy"] == [
        "try 0006 on the copy, and verify it",
        "run 0006 on the copy, and verify it",
    ]
    assert found[plan.commits_after or 0 :] == ["Discard", "Discard"]
    assert Plan.from_json(plan.as_json()) == plan


def test_where_no_server_runs_none_is_stopped_or_started() -> None:
    found = kinds(plan_migrate(target(running=False), ("0006",), "20261002T070000Z"))
    assert not {"StopServer", "StartServer", "ComeBack"} & set(found)
    assert found.count("MigrateCopy") == 1


def test_a_trial_leaves_nothing_and_takes_nothing() -> None:
    plan = plan_trial("production", ("0006",), PurePosixPath("/srv/production/data.trying-20261002T070000Z"))
    assert kinds(plan) == ["Scratch", "CopyWhole", "MigrateCopy", "Discard"]


@pytest.mark.parametrize(
    ("standing", "said"),
    [
        (Standing("0005"), "production has schema 0005: nothing is pending."),
        (
            Standing("0005", ("0006", "0007"), previous_can_run=False),
            "production has schema 0005; pending: 0006, 0007. A server of the release before cannot go on with it.",
        ),
        (
            Standing(None, ("stock-v2",)),
            "production has no schema yet; pending: stock-v2. A server of the release before can go on with it.",
        ),
    ],
)
def test_what_is_pending_is_said_in_one_line(standing: Standing, said: str) -> None:
    assert pending_line("production", standing) == said


def test_data_that_are_newer_or_not_sound_are_refused() -> None:
    check_standing("production", Standing("0005", ("0006",)))
    with pytest.raises(CannotStartError, match="newer than the release that serves it: they have 0007"):
        check_standing("production", Standing("0007", newer=True, problems=("It is newer.",)))
    with pytest.raises(CannotStartError, match="not sound, so nothing is run on them: A page is torn"):
        check_standing("production", Standing("0005", problems=("A page is torn.",)))


def test_rows_and_findings_are_lines_for_people() -> None:
    ran = Ran(("0006",), "0005", "0006", {"tasks": 1, "projects": 40}, 0.25)
    assert list(ran_lines(ran)) == [
        "ran 0006 in 0.2 s: 0005 -> 0006",
        "  projects  40 rows changed",
        "  tasks     1 row changed",
    ]
    assert list(ran_lines(Ran(("a",), None, "a")))[1:] == ["  no row that was there before is other now"]
    assert list(finding_lines([])) == ["verified: all is as the migrations must leave it"]
    assert list(finding_lines([Finding("0006", "One is not.")])) == ["0006: One is not."]
