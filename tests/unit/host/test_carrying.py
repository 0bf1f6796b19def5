"""Plans are carried out whole, taken back whole, or finished by the next run, wherever a run is killed."""

from __future__ import annotations

import errno
import os
from pathlib import Path, PurePosixPath

import pytest

from homeport.datalock import LockHolder
from homeport.environments.plan import Plan
from homeport.environments.steps import (
    Link,
    MakeDirectory,
    Permit,
    RemoveDirectory,
    RemoveFile,
    RemoveTree,
    Rename,
    Run,
    Step,
    WriteFile,
)
from homeport.errors import GuardError, HomeportError, NeedsPersonError
from homeport.host.carrying import Carrier, all_hands, carrying
from homeport.host.hands.commands import COMMAND_HANDS
from homeport.host.hands.files import FILE_HANDS
from homeport.host.journal import Journal, Operation
from homeport.host.operation_lock import operation_lock
from tests.support.dying import CountedJournal, Point, counted_hands, killed_at

HANDS = all_hands(FILE_HANDS, COMMAND_HANDS)


def world(root: Path) -> dict[str, str]:
    """What is there, but for the journal: paths with their kind, mode and content."""
    found = {}
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        if path.is_relative_to(root / "journal"):
            continue
        mode = f"{path.lstat().st_mode:o}"
        content = str(path.readlink()) if path.is_symlink() else path.read_text() if path.is_file() else ""
        found[name] = f"{mode} {content}"
    return found


def prepared(root: Path) -> PurePosixPath:
    """The machine before: a configuration file, a link, data."""
    (root / "journal").mkdir(parents=True)
    (root / "etc").mkdir()
    (root / "etc" / "a.conf").write_text("old")
    (root / "etc" / "b.conf").write_text("goes")
    (root / "current").symlink_to("etc")
    (root / "data").mkdir()
    (root / "data" / "file").write_text("precious")
    return PurePosixPath(root)


def steps(base: PurePosixPath) -> tuple[Step, ...]:
    """One of each kind."""
    touch = ("touch", str(base / "by-command"))
    return (
        MakeDirectory(base / "new" / "deep", 0o750),
        WriteFile(base / "new" / "deep" / "unit", "text"),
        WriteFile(base / "etc" / "a.conf", "new", 0o600),
        RemoveFile(base / "etc" / "b.conf"),
        Link(base / "current", base / "new"),
        Permit(base / "data", 0o700),
        Rename(base / "data", base / "aside"),
        Run(touch, ("rm", "-f", touch[1])),
    )


def carrier(root: Path, journal: Journal | None = None) -> Carrier:
    return Carrier(journal or Journal(root / "journal"), HANDS)


def test_a_plan_is_carried_out_and_stands_in_the_journal(tmp_path: Path) -> None:
    base = prepared(tmp_path)
    done = carrier(tmp_path).carry_out(Plan("provision", "production", steps(base)))
    found = world(tmp_path)
    assert found["new/deep"] == "40750 "
    assert found["etc/a.conf"] == "100600 new"
    assert "etc/b.conf" not in found
    assert found["aside/file"].endswith("precious")
    assert "by-command" in found
    operation = Journal(tmp_path / "journal").operations()[-1]
    assert (operation.id, operation.outcome, len(operation.done)) == (done.operation, "done", 8)


@pytest.mark.parametrize("failing", range(9))
def test_a_step_that_fails_takes_all_back(tmp_path: Path, failing: int) -> None:
    base = prepared(tmp_path)
    before = world(tmp_path)
    all_steps = steps(base)
    plan = Plan("provision", "production", (*all_steps[:failing], Run(("false",)), *all_steps[failing:]))
    with pytest.raises(HomeportError, match="false ended with exit code 1"):
        carrier(tmp_path).carry_out(plan)
    assert world(tmp_path) == before
    assert Journal(tmp_path / "journal").operations()[-1].outcome == "undone"


@pytest.mark.slow
@pytest.mark.parametrize("commits_after", [None, 4])
def test_a_run_that_is_killed_anywhere_is_undone_or_finished_by_the_next(
    tmp_path: Path, commits_after: int | None
) -> None:
    prepared(tmp_path / "reference")
    before = world(tmp_path / "reference")
    reference = PurePosixPath(tmp_path / "reference")
    carrier(tmp_path / "reference").carry_out(Plan("provision", "production", steps(reference)))
    after = world(tmp_path / "reference")
    assert before != after

    number, seen = 0, set()
    while True:
        root = tmp_path / f"killed{number}"
        base = prepared(root)
        plan = Plan("provision", "production", steps(base), commits_after)

        def run(point: Point, root: Path = root, plan: Plan = plan) -> None:
            journal = CountedJournal(root / "journal")
            journal.point = point
            Carrier(journal, counted_hands(HANDS, point)).carry_out(plan)

        if not killed_at(number, run):
            break
        # The one that heals is killed as well, at a point that moves along; only the third lives.
        killed_at(number % 5, lambda point, root=root: _heal(root, point))  # type: ignore[misc]
        carrier(root).heal()
        found = {name: text.replace(str(base), str(reference)) for name, text in world(root).items()}
        assert found in (before, after), f"killed at point {number}"
        seen.add(found == after)
        assert not [one for one in Journal(root / "journal").operations() if one.is_open]
        assert Journal(root / "journal").find_tampering() is None
        number += 1
    assert number > 30
    assert seen == {False, True}


def _heal(root: Path, point: Point) -> None:
    journal = CountedJournal(root / "journal")
    journal.point = point
    Carrier(journal, counted_hands(HANDS, point)).heal()


def test_what_was_left_open_is_healed_before_something_new_begins(tmp_path: Path) -> None:
    base = prepared(tmp_path)
    journal = Journal(tmp_path / "journal")
    left = Plan("restore", "production", (Rename(base / "data", base / "aside"), Run(("true",))))
    journal.begin("left", left)
    journal.step_begins("left", 0, (Rename(base / "aside", base / "data"),))
    (tmp_path / "data").rename(tmp_path / "aside")
    carrier(tmp_path).carry_out(Plan("provision", "production", (RemoveFile(base / "data" / "file"),)))
    assert (tmp_path / "data").is_dir()
    assert not (tmp_path / "data" / "file").exists()
    assert [one.outcome for one in journal.operations()] == ["undone", "done"]


def test_what_fails_after_the_point_of_no_return_stays_and_is_finished_by_the_next_run(tmp_path: Path) -> None:
    base = prepared(tmp_path)
    gate = base / "gate"
    plan = Plan("restore", "production", (Rename(base / "data", base / "aside"), Run(("test", "-e", str(gate)))), 1)
    with pytest.raises(NeedsPersonError, match="is in effect, but not finished") as caught:
        carrier(tmp_path).carry_out(plan)
    assert caught.value.details["begun"]
    assert (tmp_path / "aside").is_dir()
    with pytest.raises(NeedsPersonError, match="cannot be finished"):
        carrier(tmp_path).heal()
    Path(gate).touch()
    assert [one.id for one in carrier(tmp_path).heal()] == [caught.value.details["operation"]]
    assert Journal(tmp_path / "journal").operations()[-1].outcome == "done"


def test_what_cannot_be_undone_says_what_is_where_and_goes_on_once_it_can(tmp_path: Path) -> None:
    base = prepared(tmp_path)
    blocked = Run(("mkdir", str(base / "data")))  # somebody puts a new directory where the old one was
    plan = Plan("restore", "production", (Rename(base / "data", base / "aside"), blocked, Run(("false",))))
    with pytest.raises(
        NeedsPersonError, match=f"Could not rename {base}/aside to {base}/data.*is in the way"
    ) as caught:
        carrier(tmp_path).carry_out(plan)
    assert caught.value.details["taken_back"] == [f"run mkdir {base}/data", "run false"]
    (tmp_path / "data").rmdir()
    carrier(tmp_path).heal()
    assert (tmp_path / "data" / "file").read_text() == "precious"


class Broken:
    """A hand with a fault in it."""

    def inverse(self, step: Run) -> tuple[Step, ...]:
        return (Run(("true",)),)

    def apply(self, step: Run) -> None:
        raise TypeError(f"no {step}")


def test_a_fault_of_the_program_while_it_undoes_is_told_and_stuck_as_any_other(tmp_path: Path) -> None:
    base = prepared(tmp_path)
    plan = Plan("restore", "production", (Run(("true",), ("true",)), Rename(base / "data", base / "aside")))
    journal = Journal(tmp_path / "journal")
    journal.begin("one", plan)
    journal.step_begins("one", 0, (Run(("true",)),))
    seen = []

    def look(operation: Operation) -> list[str]:
        seen.append(operation.id)
        return ["it is dark"]

    with pytest.raises(NeedsPersonError, match="TypeError: no run true") as caught:
        Carrier(journal, {**HANDS, Run: Broken()}, look=look).heal()
    assert caught.value.details["state"] == ["it is dark"]
    (attempt,) = journal.operations()[0].attempts
    assert (attempt.step, attempt.state, seen) == ("Run", ("it is dark",), ["one"])
    carrier(tmp_path).heal()
    assert journal.operations()[0].outcome == "undone"


class Crammed(Journal):
    """A journal on a disk that is full for some records."""

    full: tuple[str, ...] = ()

    def _append(self, operation: str, event: str, **values: object) -> None:
        if event in self.full:
            raise OSError(errno.ENOSPC, "No space left on device", "operations.jsonl")
        super()._append(operation, event, **values)


def test_where_the_disk_is_full_what_fills_it_is_taken_back_all_the_same(tmp_path: Path) -> None:
    """Steps that nothing takes back come after those that fill it, and would wait for room for ever."""
    base = prepared(tmp_path)
    before, journal = world(tmp_path), Crammed(tmp_path / "journal")

    class Filler:
        def inverse(self, step: Run) -> tuple[Step, ...]:
            return ()

        def apply(self, step: Run) -> None:
            journal.full = ("done", "taken_back")

    class Freed:
        def inverse(self, step: RemoveDirectory) -> tuple[Step, ...]:
            return ()

        def apply(self, step: RemoveDirectory) -> None:
            FILE_HANDS[RemoveDirectory].apply(step)
            journal.full = ()

    hands = {**HANDS, Run: Filler(), RemoveDirectory: Freed()}
    plan = Plan("migrate", "production", (MakeDirectory(base / "copy"), Run(("fill",))))
    with pytest.raises(OSError, match="No space left on device"):
        Carrier(journal, hands).carry_out(plan)
    assert world(tmp_path) == before
    assert journal.operations()[0].outcome == "undone"


@pytest.mark.parametrize("full", ["taken_back", "ended"])
def test_a_journal_that_takes_no_more_never_lets_what_is_half_undone_be_called_undone(
    tmp_path: Path, full: str
) -> None:
    base = prepared(tmp_path)
    before, journal = world(tmp_path), Crammed(tmp_path / "journal")
    journal.full = (full,)
    plan = Plan("restore", "production", (Rename(base / "data", base / "aside"), Run(("false",))))
    with pytest.raises(HomeportError) as caught:
        Carrier(journal, HANDS).carry_out(plan)
    # Whether all is undone is what the exit codes 1 and 5 tell apart.
    assert caught.value.exit_code == (5 if full == "taken_back" else 1)
    journal.full = ()
    Carrier(journal, HANDS).heal()
    assert world(tmp_path) == before
    assert journal.operations()[0].outcome == "undone"


def test_what_was_done_but_could_not_be_noted_as_done_is_taken_back_at_once(tmp_path: Path) -> None:
    base = prepared(tmp_path)
    before, journal = world(tmp_path), Crammed(tmp_path / "journal")
    journal.full = ("ended",)
    with pytest.raises(OSError, match="No space left"):
        Carrier(journal, HANDS).carry_out(Plan("provision", "production", (WriteFile(base / "etc" / "new", "x"),)))
    assert world(tmp_path) == before


def test_what_is_stuck_is_not_tried_again_by_the_clock(tmp_path: Path) -> None:
    base = prepared(tmp_path)
    blocked = Run(("mkdir", str(base / "data")))
    plan = Plan("restore", "production", (Rename(base / "data", base / "aside"), blocked, Run(("false",))))
    with pytest.raises(NeedsPersonError) as first:
        carrier(tmp_path).carry_out(plan)
    (tmp_path / "data").rmdir()
    journal = Journal(tmp_path / "journal")
    with pytest.raises(NeedsPersonError) as again:
        Carrier(journal, HANDS, again=False).heal()
    assert (again.value.sentence, again.value.hint) == (first.value.sentence, first.value.hint)
    assert (len(journal.operations()[0].attempts), (tmp_path / "data").exists()) == (1, False)
    # One that was killed, and that nobody has tried, is healed by it all the same.
    carrier(tmp_path).heal()
    journal.begin("left", Plan("restore", "production", (Rename(base / "data", base / "aside"),)))
    journal.step_begins("left", 0, (Rename(base / "aside", base / "data"),))
    assert [one.id for one in Carrier(journal, HANDS, again=False).heal()] == ["left"]


def test_a_tree_is_removed_only_after_the_point_of_no_return(tmp_path: Path) -> None:
    base = prepared(tmp_path)
    plan = Plan("restore", "production", (Rename(base / "data", base / "aside"), RemoveTree(base / "aside")), 1)
    carrier(tmp_path).carry_out(plan)
    assert not (tmp_path / "aside").exists()
    with pytest.raises(NeedsPersonError, match="no directory"):
        carrier(tmp_path).carry_out(Plan("restore", "production", (RemoveTree(base / "current"),), 0))


def test_a_second_operation_is_told_who_holds_the_lock_and_since_when(tmp_path: Path) -> None:
    prepared(tmp_path)
    me = LockHolder(4711, "homeport deploy production", "2026-10-02T06:15:00+00:00")
    with (
        operation_lock(tmp_path / "journal", "production", me),
        pytest.raises(GuardError, match=r"production: process 4711 \(homeport deploy production\) since 2026-10"),
        carrying(tmp_path / "journal", "production", HANDS),
    ):
        pytest.fail("the lock was held")
    with carrying(tmp_path / "journal", "production", HANDS) as free:
        assert free.heal() == []


def test_a_killed_operation_leaves_no_stale_lock(tmp_path: Path) -> None:
    prepared(tmp_path)

    def hold(point: Point) -> None:
        with operation_lock(tmp_path / "journal", "production"):
            point()

    assert killed_at(0, hold)
    assert (tmp_path / "journal" / "operation.lock").read_text()
    with operation_lock(tmp_path / "journal", "production"):
        pass


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_that_may_not_be_written_is_named(tmp_path: Path) -> None:
    base = prepared(tmp_path)
    (tmp_path / "etc").chmod(0o500)
    with pytest.raises(HomeportError, match="Could not write"):
        carrier(tmp_path).carry_out(Plan("provision", "production", (WriteFile(base / "etc" / "new", "x"),)))
