"""What an import makes of the earlier server's records."""

from __future__ import annotations

from pathlib import Path

import pytest

from homeport.coordination import claims, presence, progress
from homeport.coordination.events import EventFilter
from homeport.coordination.progress import TaskUpdate, Writer
from homeport.coordination.store import Records
from homeport.coordination.values import from_iso
from homeport.exchange.json_v1.report import Odd, Report
from tests.unit.exchange.trees import (
    INBOX,
    NOW,
    SAMPLE,
    exported,
    imported,
    instances,
    message,
    messages,
    on_disk,
    task,
    tasks,
    told,
)

# --- instances, projects, roles, lessons


def test_an_instance_keeps_its_times_capabilities_and_whatever_else_it_said(records: Records, sample: Report) -> None:
    one = records.instances.get("Agent-One-2025-08-01")
    assert one is not None
    assert (one.role, one.sessions, one.capabilities) == ("Developer", 3, ("python", "nginx"))
    assert one.last_seen_at == from_iso("2025-09-01T07:00:00Z")
    assert one.metadata == {"platform": "desktop", "nested": {"a": [1, 2.5, None, True]}}
    phoenix = records.instances.get("Phoenix Fire")
    assert phoenix is not None
    assert phoenix.metadata["handle"] == '🔥 the "phoenix"\nof the team'


def test_a_project_has_its_members_where_its_metadata_names_some(records: Records, sample: Report) -> None:
    assert records.projects.members("old quay") == ["Agent-One-2025-08-01"]
    assert records.projects.members("harbour") == []
    lighthouse = records.projects.get("lighthouse")
    assert lighthouse is not None
    assert (lighthouse.status, lighthouse.priority) == ("on_hold", "critical")
    assert lighthouse.metadata == {"owner": "Agent-One-2025-08-01"}


def test_a_role_keeps_its_description_and_its_documents_every_byte(records: Records, sample: Report) -> None:
    chief = records.roles.get("coo")
    assert chief is not None
    assert chief.description["requires_authorization"] is True
    [document] = records.roles.documents("COO")
    assert document.name == "preferences.md"
    assert document.text.encode() == (SAMPLE / "roles/COO/preferences.md").read_bytes()
    assert [one.name for one in records.roles.documents("pilot")] == ["notes.md"]


def test_lessons_keep_their_submission_order_weight_and_own_keys(records: Records, sample: Report) -> None:
    first, second = records.lessons.of_submission("1b0c8f3e-0000-4000-8000-000000000001")
    assert (first.id, first.confidence, first.weight) == ("l-1", 0.9, 8.5)
    assert second.extra == {"severity": "high"}
    assert records.lessons.submission("1b0c8f3e-0000-4000-8000-000000000002") is not None


# --- tasks


def test_task_ids_are_unique_within_their_project_alone(records: Records, sample: Report) -> None:
    assert [one.project_id for one in records.tasks.find("setup-001")] == ["harbour", "lighthouse"]


def test_a_held_task_stays_held_without_a_lease_and_its_holder_can_go_on(records: Records, sample: Report) -> None:
    held = records.tasks.get("harbour", "held-001")
    assert held is not None
    assert (held.status, held.holder, held.lease_expires_at) == ("claimed", "Agent-One-2025-08-01", None)
    presence.heartbeat(records, "Agent-One-2025-08-01", None, {}, NOW)
    done = progress.update(records, held, TaskUpdate(status="completed"), Writer("Agent-One-2025-08-01"), NOW)
    assert done.status == "completed"


def test_a_task_whose_holder_is_gone_can_be_claimed_by_another(records: Records, sample: Report) -> None:
    left = records.tasks.get("harbour", "working-001")
    assert left is not None
    presence.heartbeat(records, "Agent-Two-2025-08-02", None, {}, NOW)
    assert claims.claim(records, left, "Agent-Two-2025-08-02", NOW).holder == "Agent-Two-2025-08-02"


def test_what_a_task_says_beyond_the_format_is_in_its_metadata(records: Records, sample: Report) -> None:
    one = records.tasks.get("harbour", "working-001")
    assert one is not None
    assert one.metadata == {"acceptance": ["a", "b"], "sprint": 7}


@pytest.mark.parametrize(("name", "effort"), [("effort_estimate", "2 days"), ("estimated_effort", "5h")])
def test_both_names_of_an_effort_are_understood(name: str, effort: str, records: Records, tmp_path: Path) -> None:
    imported(records, {"projects/p/tasks.json": tasks(task(metadata={name: effort}))}, tmp_path)
    found = records.tasks.get("p", "task-1")
    assert found is not None
    assert found.estimated_effort == effort


@pytest.mark.parametrize(
    ("said", "status"),
    [("done", "completed"), ("In Progress", "pending"), ("whatever", "blocked"), ("cancelled", "completed")],
)
def test_a_status_that_is_none_of_ours_is_taken_as_the_nearest(
    said: str, status: str, records: Records, tmp_path: Path
) -> None:
    """An in-progress task that nobody holds is pending; what nobody knows waits for a person."""
    imported(records, {"projects/p/tasks.json": tasks(task(status=said))}, tmp_path)
    found = records.tasks.get("p", "task-1")
    assert found is not None
    assert found.status == status


def test_a_dependency_that_cannot_be_waited_for_does_not_make_the_task_unchangeable(
    records: Records, sample: Report
) -> None:
    build = records.tasks.get("harbour", "build-001")
    assert build is not None
    assert (build.dependencies, build.metadata) == (("setup-001",), {"unknown_dependencies": ["lost-001"]})
    for name in ("round-1", "round-2"):
        one = records.tasks.get("lighthouse", name)
        assert one is not None
        progress.update(records, one, TaskUpdate(title="New"), Writer(), NOW)


# --- again


def test_a_second_import_changes_nothing_and_says_so(records: Records, sample: Report, tmp_path: Path) -> None:
    before = exported(records)
    again = imported(records, on_disk(SAMPLE), tmp_path / "again")
    assert "Nothing is new: nothing was changed." in again.lines()
    assert exported(records) == before
    assert len(records.events.select(EventFilter(kinds=("data",)), 0, 10)) == 1


def test_what_is_new_since_is_added_and_what_differs_is_left_alone_and_reported(
    records: Records, tmp_path: Path
) -> None:
    imported(records, {"projects/p/tasks.json": tasks(task("a"), task("b"))}, tmp_path / "1")
    tree = {"projects/p/tasks.json": tasks(task("c"), task("a"), task("b", title="Edited"))}
    report = imported(records, tree, tmp_path / "2")
    count = report.counts["tasks"]
    assert (count.read, count.imported, count.already_there, count.left_alone) == (3, 1, 1, 1)
    edited = records.tasks.get("p", "b")
    assert edited is not None
    assert edited.title == "A task"
    assert Odd("tasks", "projects/p/tasks.json b", "differs from what is here", "what is here stays as it is") in (
        report.odd
    )


def test_what_was_changed_here_since_is_not_undone_by_a_second_import(records: Records, tmp_path: Path) -> None:
    tree = {"projects/p/tasks.json": tasks(task("a"))}
    imported(records, tree, tmp_path)
    one = records.tasks.get("p", "a")
    assert one is not None
    progress.update(records, one, TaskUpdate(title="Changed here"), Writer(), NOW)
    report = imported(records, tree, tmp_path)
    again = records.tasks.get("p", "a")
    assert again is not None
    assert (again.title, report.changed) == ("Changed here", False)


def test_a_message_that_was_deleted_here_does_not_come_back(records: Records, tmp_path: Path) -> None:
    tree = {INBOX: messages(message("m"))}
    imported(records, tree, tmp_path)
    sent = records.messages.get("m")
    assert sent is not None
    records.messages.delete(sent.seq)
    assert not imported(records, tree, tmp_path).changed
    assert records.messages.get("m") is None


def test_a_message_that_moved_to_another_file_since_is_not_there_twice(records: Records, tmp_path: Path) -> None:
    imported(records, {INBOX: messages(message("m"))}, tmp_path / "1")
    tree = {"messages/inbox/archive/2025-08.json": messages(message("m", archived_at="2025-08-06T00:00:00Z"))}
    report = imported(records, tree, tmp_path / "2")
    assert report.counts["messages"].left_alone == 1
    assert told(report, "messages")[0].what == f"was imported from {INBOX}"
    assert list(exported(records)) == ["messages/inbox/archive/2025-08.json", INBOX]


def test_an_export_that_comes_home_is_already_there(records: Records, tmp_path: Path) -> None:
    presence.register(records, presence.Registration("a", "Tester", ("x",), {"k": 1}), NOW)
    assert imported(records, exported(records), tmp_path).counts["instances"].already_there == 1


def test_an_instance_that_is_here_already_is_left_alone_when_it_differs(records: Records, tmp_path: Path) -> None:
    presence.register(records, presence.Registration("a", "Tester"), NOW)
    report = imported(records, {"instances.json": instances("a", role="COO")}, tmp_path)
    assert report.counts["instances"].left_alone == 1
    assert [one.role for one in map(records.instances.get, ["a"]) if one] == ["Tester"]


# --- ids and the report


def test_an_id_that_cannot_be_one_here_is_made_usable_and_given_back(records: Records, tmp_path: Path) -> None:
    tree = {"instances.json": instances("../../x", "a/b", "a-b", ".."), "projects/p/tasks.json": tasks(task("x/y"))}
    report = imported(records, tree, tmp_path)
    assert records.instances.ids() == ["-..-x", "a-b", "a-b-2", "unnamed"]
    assert [one.consequence for one in told(report, "instances")] == [
        "called -..-x here",
        "called a-b here",
        "called a-b-2 here",
        "called unnamed here",
    ]
    assert records.tasks.get("p", "x-y") is not None
    assert exported(records) == tree


def test_a_record_that_stands_twice_counts_once_and_is_given_back_twice(records: Records, tmp_path: Path) -> None:
    tree = {"projects/p/tasks.json": tasks(task("a"), task("a", title="Other"), task("b"), task("b"))}
    report = imported(records, tree, tmp_path)
    count = report.counts["tasks"]
    assert (count.imported, count.left_alone) == (2, 2)
    assert exported(records) == tree


def test_those_who_wait_for_messages_are_told_of_an_import(records: Records, tmp_path: Path) -> None:
    tree = {"instances.json": instances("a", "b"), INBOX: messages(message("m", "b"))}
    imported(records, tree, tmp_path)
    [event] = records.events.select(EventFilter(kinds=("data",)), 0, 10)
    assert event.audience == ("b",)


def test_the_report_counts_every_record_and_groups_what_was_odd(records: Records, sample: Report) -> None:
    shown = sample.as_json()
    assert shown["counts"]["messages"] == {
        "read": 22,
        "imported": 22,
        "already_there": 0,
        "left_alone": 0,
        "odd": len(told(sample, "messages")),
    }
    lines = sample.lines()
    assert any(line.split() == ["tasks", "11", "11", "0", "0"] for line in lines)
    assert "  2 x messages: senders who never registered: their names stay as they are" in lines
    assert all(one["path"] and one["consequence"] for one in shown["odd"])


def test_a_long_list_of_oddities_stays_readable() -> None:
    report = Report("import", odd=[Odd("files", f"f{n}", "a file", "not imported") for n in range(9)])
    assert report.lines()[-6:] == [*(f"    f{n}: a file" for n in range(5)), "    and 4 more (--json lists all)"]
