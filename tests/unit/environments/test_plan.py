"""A plan is a value: it can be written down, read back, and says what it must not be."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.environments.plan import Plan
from homeport.environments.steps import (
    Link,
    MakeDirectory,
    Ownership,
    Permit,
    RemoveTree,
    Rename,
    Run,
    Step,
    WriteFile,
    read_step,
)
from homeport.errors import NeedsPersonError

PATHS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1).map(
    lambda text: PurePosixPath("/") / text.lstrip("/")
)
OWNERS = st.none() | st.builds(Ownership, st.text(), st.text())
STEPS = st.one_of(
    st.builds(MakeDirectory, PATHS, st.integers(0, 0o7777), OWNERS),
    st.builds(WriteFile, PATHS, st.text(st.characters(exclude_categories=["Cs"])), st.integers(0, 0o7777), OWNERS),
    st.builds(Link, PATHS, PATHS),
    st.builds(Rename, PATHS, PATHS),
    st.builds(Permit, PATHS, st.integers(0, 0o7777), OWNERS),
    st.builds(Run, st.tuples(st.text(), st.text()), st.just(()) | st.tuples(st.text())),
)


@given(steps=st.lists(STEPS), commits_after=st.none() | st.just(0))
def test_a_plan_that_was_written_down_reads_back_as_it_was(steps: list[Step], commits_after: int | None) -> None:
    plan = Plan("deploy", "production", tuple(steps), commits_after)
    assert Plan.from_json(plan.as_json()) == plan


@pytest.mark.parametrize(
    "written", [{"step": "Teleport"}, {}, {"step": "Rename", "source": "/a"}, {"step": "Rename", "later": 1}]
)
def test_a_step_of_another_version_is_left_to_a_person(written: dict[str, object]) -> None:
    with pytest.raises(NeedsPersonError, match="does not know"):
        read_step(written)


def test_what_cannot_be_taken_back_comes_only_after_the_point_of_no_return() -> None:
    gone = RemoveTree(PurePosixPath("/srv/old"))
    with pytest.raises(ValueError, match="cannot be taken back"):
        Plan("restore", "production", (gone,))
    with pytest.raises(ValueError, match="cannot be taken back"):
        Plan("restore", "production", (gone, gone), commits_after=1)
    assert Plan("restore", "production", (gone,), commits_after=0).commits(0)


def test_a_plan_commits_once_so_many_steps_are_done() -> None:
    step = MakeDirectory(PurePosixPath("/srv"))
    plan = Plan("restore", "production", (step, step, step), commits_after=2)
    assert [plan.commits(done) for done in range(4)] == [False, False, True, True]
    assert not Plan("restore", "production", (step,)).commits(1)


def test_a_step_reads_as_the_rest_of_a_sentence() -> None:
    assert str(Rename(PurePosixPath("/a"), PurePosixPath("/b"))) == "rename /a to /b"
    assert str(Run(("systemctl", "enable", "a b.service"))) == "run systemctl enable 'a b.service'"
