"""An export starts from what was imported, changes what has changed since, and puts what is new where it belongs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from homeport.coordination import claims, lessons, presence, progress, projects, tasks
from homeport.coordination import messages as domain
from homeport.coordination.addresses import Address
from homeport.coordination.lessons import Lesson, Submission
from homeport.coordination.messages import Draft
from homeport.coordination.presence import Registration
from homeport.coordination.progress import TaskUpdate, Writer
from homeport.coordination.projects import Project, ProjectUpdate
from homeport.coordination.store import Records
from homeport.coordination.tasks import Task
from homeport.coordination.values import RandomIds, iso
from homeport.exchange.json_v1.exporting import export_directory
from homeport.exchange.json_v1.report import Report
from tests.unit.exchange.trees import (
    INBOX,
    NOW,
    SAMPLE,
    exported,
    imported,
    memory,
    message,
    messages,
    on_disk,
    task,
)
from tests.unit.exchange.trees import instances as instances_file
from tests.unit.exchange.trees import tasks as tasks_file

ONE, TWO = "Agent-One-2025-08-01", "Agent-Two-2025-08-02"


def changed(records: Records) -> dict[str, Any]:
    """The files that differ from the sample's."""
    before = on_disk(SAMPLE)
    return {path: content for path, content in exported(records).items() if before.get(path) != content}


def by_id(file: dict[str, Any], container: str) -> dict[str, Any]:
    return {one["id"]: one for one in file[container]}


def send(records: Records, sender: str, to: str, **fields: Any) -> str:
    draft = Draft(sender, to, "New", "Text 🚢", **fields)
    return domain.send(records, draft, RandomIds(), NOW).message.id


# --- what was imported and has changed


def test_only_the_fields_that_changed_are_changed(records: Records, sample: Report) -> None:
    one = records.tasks.get("harbour", "working-001")
    assert one is not None
    presence.heartbeat(records, TWO, None, {}, NOW)
    claims.claim(records, one, TWO, NOW)
    files = changed(records)
    assert set(files) == {"instances.json", "projects/harbour/tasks.json"}
    before = by_id(on_disk(SAMPLE)["projects/harbour/tasks.json"], "tasks")
    after = by_id(files["projects/harbour/tasks.json"], "tasks")
    assert {name for name in before if before[name] != after[name]} == {"working-001"}
    wanted = {"status": "claimed", "assigned_to": TWO, "claimed_at": iso(NOW), "updated": iso(NOW)}
    assert after["working-001"] == {**before["working-001"], **wanted}
    assert files["projects/harbour/tasks.json"]["last_updated"] == iso(NOW)


def test_metadata_are_changed_key_by_key_where_each_key_stood(records: Records, sample: Report) -> None:
    one = records.tasks.get("harbour", "working-001")
    assert one is not None
    change = TaskUpdate(metadata={"sprint": 8, "new": [1], "acceptance": None}, tags=("x",), estimated_effort="1 day")
    progress.update(records, one, change, Writer(), NOW)
    after = by_id(exported(records)["projects/harbour/tasks.json"], "tasks")["working-001"]
    assert (after["sprint"], "acceptance" in after) == (8, False)
    assert after["metadata"] == {"effort_estimate": "1 day", "tags": ["x"], "dependencies": [], "new": [1]}


def test_a_changed_project_keeps_what_it_said_beyond_the_format(records: Records, sample: Report) -> None:
    projects.update(records, "old quay", ProjectUpdate(description="New", add_members=("Phoenix Fire",)), None, NOW)
    after = by_id(exported(records)["projects/manifest.json"], "projects")["old quay"]
    assert after["status"] == "planning"
    assert after["metadata"]["members"] == [ONE, "long-gone", "Phoenix Fire"]
    assert (after["description"], after["updated"]) == ("New", iso(NOW))


def test_dependencies_that_could_not_be_waited_for_are_given_back(records: Records, sample: Report) -> None:
    one = records.tasks.get("harbour", "build-001")
    assert one is not None
    progress.update(records, one, TaskUpdate(dependencies=("held-001",)), Writer(), NOW)
    after = by_id(exported(records)["projects/harbour/tasks.json"], "tasks")["build-001"]
    assert after["metadata"]["dependencies"] == ["lost-001", "held-001"]
    assert "unknown_dependencies" not in after["metadata"]


def test_a_message_read_since_says_who_read_it_and_when(records: Records, sample: Report) -> None:
    domain.mark_read(records, "msg-1754600001000-eeee0002", None, NOW)
    files = changed(records)
    assert list(files) == ["messages/instances/NextCOO/inbox.json"]
    [record] = files["messages/instances/NextCOO/inbox.json"]["messages"]
    assert (record["status"], record["read_at"], record["read_by"]) == ("read", iso(NOW), "NextCOO")


def test_a_broadcast_is_read_once_everybody_has_read_it(records: Records, sample: Report) -> None:
    everybody = records.instances.ids()
    for one in everybody[:-1]:
        domain.mark_read(records, "msg-1", one, NOW)
    assert changed(records) == {}, "one flag for all would hide it from the last one"
    domain.mark_read(records, "msg-1", everybody[-1], NOW + 1)
    record = by_id(changed(records)[INBOX], "messages")["msg-1"]
    assert (record["status"], record["read_at"]) == ("read", iso(NOW + 1))


def test_a_message_archived_since_lies_in_the_archive_of_the_month(records: Records, sample: Report) -> None:
    domain.archive(records, "msg-1754500000000-cccc0001", None, NOW)
    files = changed(records)
    inbox, archive = f"messages/instances/{ONE}/inbox.json", f"messages/instances/{ONE}/archive/2025-12.json"
    assert set(files) == {inbox, archive}
    assert "msg-1754500000000-cccc0001" not in by_id(files[inbox], "messages")
    record = by_id(files[archive], "messages")["msg-1754500000000-cccc0001"]
    assert (record["archived_at"], record["archived_by"]) == (iso(NOW), ONE)
    assert record["read_at"] == "2025-08-07T09:00:00.000Z"


def test_what_was_deleted_is_left_out(records: Records, sample: Report) -> None:
    domain.delete(records, "msg-1754600001000-eeee0002", hard=True, actor=None, now=NOW)
    projects.delete(records, "lighthouse", hard=True, actor=None, now=NOW)
    files = exported(records)
    assert files["messages/instances/NextCOO/inbox.json"]["messages"] == []
    assert "projects/lighthouse/tasks.json" not in files
    assert "lighthouse" not in by_id(files["projects/manifest.json"], "projects")


# --- what is new


def test_new_messages_go_into_the_files_of_those_they_are_for(records: Records, sample: Report) -> None:
    to_all, to_role = send(records, ONE, "all"), send(records, ONE, "COO")
    to_team, to_two = send(records, ONE, "project-team:harbour"), send(records, ONE, f"{TWO},newcomer", tags=("t",))
    domain.mark_read(records, to_two, TWO, NOW)
    files = changed(records)
    everybody = by_id(files[INBOX], "messages")
    assert (everybody[to_all]["to"], everybody[to_role]["to"]) == ("all", "COO")
    assert by_id(files["messages/projects/harbour/inbox.json"], "messages")[to_team]["to"] == "project-team:harbour"
    theirs = files[f"messages/instances/{TWO}/inbox.json"]
    assert theirs["instance_id"] == TWO
    copy = by_id(theirs, "messages")[to_two]
    assert (copy["to"], copy["status"], copy["read_by"]) == (f"{TWO},newcomer", "read", TWO)
    assert copy["metadata"] == {"tags": ["t"], "thread_id": None, "routing_type": "instance", "instance_id": TWO}
    assert by_id(files["messages/instances/newcomer/inbox.json"], "messages")[to_two]["status"] == "unread"


def test_new_lessons_are_in_their_file_and_in_the_index(records: Records, sample: Report) -> None:
    submission = Submission("sub-1", "harbour", ONE, NOW, {"k": 1})
    learned = Lesson(0, "n-1", "sub-1", "harbour", ONE, NOW, "pattern", "New.", confidence=0.6, extra={"x": 1})
    lessons.submit(records, submission, [learned], NOW)
    files = changed(records)
    assert set(files) == {"lessons/index.json", "lessons/projects/harbour.json"}
    file = files["lessons/projects/harbour.json"]
    assert (file["total_lessons"], file["last_updated"]) == (3, iso(NOW))
    assert file["submissions"][-1]["lessons"] == [
        {"id": "n-1", "type": "pattern", "content": "New.", "confidence": 0.6, "x": 1}
    ]
    index = files["lessons/index.json"]
    assert (index["total_lessons"], index["lesson_types"]) == (5, {"pattern": 4, "warning": 1})
    assert index["projects"]["harbour"] == {"total_lessons": 3, "last_updated": iso(NOW), "submissions": 3}
    assert [one["id"] for one in index["confidence_levels"]["medium"]] == ["n-1"]


@pytest.fixture
def lived() -> Records:
    """Records that never saw an import."""
    records = memory()
    for name, role in (("a", "Developer"), ("b", "COO")):
        presence.register(records, Registration(name, role, ("x",), {"k": 1}), NOW)
    projects.create(records, Project("p", "P", "What", "active", "high", NOW, NOW, ("t",)), ("a",), None, NOW)
    for project, name in (("p", "t-1"), ("p", "t-2"), ("", "loose")):
        after = ("t-1",) if name == "t-2" else ()
        tasks.create(records, Task(project, name, "T", "", "pending", "low", NOW, NOW, dependencies=after), None, NOW)
    claims.claim(records, tasks.required(records, "p/t-1"), "a", NOW)
    first = send(records, "a", "all")
    send(records, "a", "b,COO,project-team:p", reply_to=first)
    domain.archive(records, send(records, "b", "a"), "a", NOW)
    learned = Lesson(0, "n", "sub", "p", "a", NOW, "pattern", "Learned.")
    lessons.submit(records, Submission("sub", "p", "a", NOW), [learned], NOW)
    return records


def test_data_that_were_never_imported_are_whole_after_an_export_and_an_import(lived: Records, tmp_path: Path) -> None:
    files = exported(lived)
    assert files["instances.json"]["instances"][0]["tasks_claimed"] == 1
    assert files["projects/_none/tasks.json"]["project_id"] is None
    there = memory()
    report = imported(there, files, tmp_path)
    # Nothing is odd but what is so here too: no leases come over, and copies are one message again.
    assert {one.consequence for one in report.odd} <= {"one message, delivered to all of them"}
    assert exported(there) == files
    assert there.projects.members("p") == ["a"]
    assert there.tasks.get("", "loose") is not None
    here = {one.reader: one.read_at for m in ("a", "b") for one in _all(lived, m)}
    assert here == {one.reader: one.read_at for m in ("a", "b") for one in _all(there, m)}


def _all(records: Records, reader: str) -> list[domain.Delivery]:
    return list(records.messages.arrivals(reader, 0, unread_only=False, limit=100))


def test_an_export_says_how_much_there_is(lived: Records) -> None:
    report = export_directory(lived).report
    assert report.as_json()["counts"] == {
        "instances": {"written": 2},
        "projects": {"written": 1},
        "tasks": {"written": 3},
        "messages": {"written": 3},
        "lessons": {"written": 1},
        "submissions": {"written": 1},
        "roles": {"written": 0},
        "documents": {"written": 0},
    }
    assert report.files == len(exported(lived))


def test_nothing_at_all_is_no_file_at_all(records: Records) -> None:
    assert exported(records) == {}


# --- paths


@pytest.mark.parametrize(
    "name", ["../../x", "..", "a/b", "C:\\x", "nul\x00", "-", "x" * 200, "🚢" * 200, "manifest.json", "_none", " a "]
)
def test_no_name_leads_out_of_the_directory_or_is_too_long_for_it(name: str, records: Records, tmp_path: Path) -> None:
    given = {"instances.json": instances_file("a"), "projects/p/tasks.json": tasks_file(task(), project="p")}
    imported(records, given, tmp_path / "in")
    sent = records.messages.add(_to(name), (name,))
    records.tasks.add(Task(name, "t", "T", "", "pending", "low", NOW, NOW))
    files = export_directory(records).files
    for path, _ in files:
        assert ".." not in path.split("/")
        assert all(0 < len(part.encode()) <= 230 for part in path.split("/"))
        assert not set(path) & set("\\\x00")
    there = memory()
    imported(there, exported(records), tmp_path / "out")
    again = there.messages.get(sent.id)
    assert again is not None


def _to(name: str) -> domain.Message:
    to = (Address("instance", name),)
    return domain.Message(0, "m-1", "a", to, "S", "B", "general", "normal", "sent", NOW)


def test_a_name_too_long_for_a_file_system_comes_back_whole(records: Records, tmp_path: Path) -> None:
    name = "🚢" * 200
    projects.create(records, Project(name, "P", "", "active", "low", NOW, NOW), (), None, NOW)
    tasks.create(records, Task(name, "t", "T", "", "pending", "low", NOW, NOW), None, NOW)
    there = memory()
    imported(there, exported(records), tmp_path)
    assert there.tasks.get(name, "t") is not None


def test_a_message_that_lies_in_no_known_shape_keeps_it(records: Records, tmp_path: Path) -> None:
    tree = {INBOX: [message("m", "a", body=[1, {"text": 2}])], "messages/archive/2025-01.json": messages(month=1)}
    imported(records, tree, tmp_path)
    assert exported(records) == tree
