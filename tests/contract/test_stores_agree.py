"""Every store answers any sequence of calls as the one of plain dictionaries does, and no sequence breaks a promise."""

from __future__ import annotations

from typing import Any, Final

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from tests.support import invariants
from tests.support.pair import Pair

NAMES: Final = ("ann", "bob", "Eve", "coo")
ROLES: Final = ("dev", "Dev", "COO", "Straße")
PROJECTS: Final = ("p", "q")
TASKS: Final = ("t1", "t2", "t3")
WORDS: Final = ("Crane", "crane", "harbour", "Hafenstraße", "café", "日本語", '"OR"', "a_b", "★")

names = st.sampled_from(NAMES)
strangers = st.sampled_from((*NAMES, "zed"))
roles = st.sampled_from(ROLES)
projects = st.sampled_from(PROJECTS)
some_project = st.none() | projects
some_name = st.none() | strangers
texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(" ".join)
tasks = st.sampled_from(TASKS)
references = st.sampled_from((*TASKS, *(f"{project}/{task}" for project in PROJECTS for task in TASKS)))
priorities = st.sampled_from(("critical", "high", "medium", "low"))
tags = st.none() | st.lists(st.sampled_from(("x", "y")), max_size=2)
addresses = st.lists(
    st.sampled_from(
        (*NAMES, *ROLES, "zed", "ANN", "ALL", "role:dev", "project-team:p", "project-team:q", "project-member:p:bob")
    ),
    min_size=1,
    max_size=3,
).map(",".join)
numbers = st.integers(0, 40)
keys = st.none() | st.sampled_from(("key-1", "key-2"))


class StoresAgree(RuleBasedStateMachine):
    """Drives both; each rule is one call."""

    def __init__(self) -> None:
        super().__init__()
        self.pair = Pair("sqlite")
        self.messages: list[str] = []
        self.fences = invariants.Fences()
        self.positions: dict[str, tuple[str, str]] = {}

    def teardown(self) -> None:
        try:
            self.pair.look(invariants.history)
        finally:
            self.pair.close()

    def message(self, number: int) -> str:
        """One of the messages that were sent, or one that never was."""
        return self.messages[number % len(self.messages)] if self.messages else "msg-0"

    @rule(minutes=st.sampled_from((0.1, 0.5, 5, 14.9, 15, 15.1, 60)))
    def time_passes(self, minutes: float) -> None:
        self.pair.later(minutes)

    @rule(name=names, role=roles, key=keys)
    def register(self, name: str, role: str, key: str | None) -> None:
        self.pair.call("register_instance", instanceId=name, role=role, idempotency_key=key)

    @rule(name=names, role=roles, project=some_project)
    def bootstrap(self, name: str, role: str, project: str | None) -> None:
        self.pair.call("bootstrap", instanceId=name, role=role, project=project)

    @rule(name=strangers, status=st.none() | st.sampled_from(("busy", "active")))
    def heartbeat(self, name: str, status: str | None) -> None:
        self.pair.call("update_heartbeat", instanceId=name, status=status)

    @rule(name=names)
    def sign_off(self, name: str) -> None:
        self.pair.call("deactivate_instance", instanceId=name)

    @rule(name=projects, members=st.lists(names, max_size=2), text=texts, tags=tags)
    def create_project(self, name: str, members: list[str], text: str, tags: list[str] | None) -> None:
        self.pair.call("create_project", id=name, name=text, description=text, members=members, tags=tags)

    @rule(name=projects, join=names, leave=some_name, text=st.none() | texts)
    def change_project(self, name: str, join: str, leave: str | None, text: str | None) -> None:
        updates = {"add_members": [join], "remove_members": [leave] if leave else []}
        self.pair.call("update_project", id=name, updates=updates | ({"description": text} if text else {}))

    @rule(name=projects, hard=st.booleans())
    def delete_project(self, name: str, hard: bool) -> None:
        self.pair.call("delete_project", id=name, hard_delete=hard)

    @rule(to=addresses, sender=strangers, text=texts, reply=st.none() | numbers, tags=tags, key=keys)
    def send(self, to: str, sender: str, text: str, reply: int | None, tags: list[str] | None, key: str | None) -> None:
        given: dict[str, Any] = {"to": to, "from_": sender, "subject": text[:20], "content": text, "tags": tags}
        given["reply_to"] = None if reply is None else self.message(reply)
        answer = self.pair.call("send_message", **given, idempotency_key=key)
        if answer is not None and answer["message"]["id"] not in self.messages:
            self.messages.append(answer["message"]["id"])

    @rule(number=numbers, reader=some_name)
    def read(self, number: int, reader: str | None) -> None:
        self.pair.call("mark_message_read", id=self.message(number), reader_id=reader)

    @rule(number=numbers, reader=some_name)
    def archive(self, number: int, reader: str | None) -> None:
        self.pair.call("archive_message", id=self.message(number), archiver_id=reader)

    @rule(number=numbers, hard=st.booleans())
    def delete(self, number: int, hard: bool) -> None:
        self.pair.call("delete_message", id=self.message(number), hard_delete=hard)

    @rule(name=strangers)
    def wait(self, name: str) -> None:
        position = self.pair.waits(name, self.positions.get(name, (None, None)))
        if position is not None:
            self.positions[name] = position

    @rule(name=tasks, project=some_project, priority=priorities, role=st.none() | roles, to=some_name, text=texts)
    def create_task(
        self, name: str, project: str | None, priority: str, role: str | None, to: str | None, text: str
    ) -> None:
        given = {"id": name, "title": text[:30], "description": text, "project_id": project}
        self.pair.call("create_task", **given, priority=priority, role=role, assigned_to=to)

    @rule(name=references, needs=st.lists(references, max_size=2))
    def depend(self, name: str, needs: list[str]) -> None:
        self.pair.call("update_task", id=name, updates={"dependencies": needs})

    @rule(name=references, by=strangers)
    def claim(self, name: str, by: str) -> None:
        self.pair.call("claim_task", id=name, instanceId=by)

    @rule(by=names, project=some_project, key=keys)
    def claim_next(self, by: str, project: str | None, key: str | None) -> None:
        self.pair.call("claim_next_task", instanceId=by, project_id=project, idempotency_key=key)

    @rule(
        name=references,
        status=st.sampled_from(("in_progress", "blocked", "completed", "pending")),
        by=some_name,
        fence=st.none() | st.integers(0, 4),
    )
    def progress(self, name: str, status: str, by: str | None, fence: int | None) -> None:
        self.pair.call("update_task", id=name, updates={"status": status}, instanceId=by, fence=fence)

    @rule(name=references, to=some_name, by=some_name)
    def hand_on(self, name: str, to: str | None, by: str | None) -> None:
        self.pair.call("update_task", id=name, updates={"assigned_to": to}, instanceId=by)

    @rule(name=references, text=texts, tags=tags)
    def edit(self, name: str, text: str, tags: list[str] | None) -> None:
        self.pair.call("update_task", id=name, updates={"description": text, "tags": tags or []})

    @rule(project=projects, by=names, text=texts, sure=st.none() | st.sampled_from((0.25, 0.5)))
    def learn(self, project: str, by: str, text: str, sure: float | None) -> None:
        lesson = {"type": text.split(maxsplit=1)[0], "content": text, "confidence": sure}
        self.pair.call("submit_lessons", project_id=project, instance_id=by, lessons=[lesson, lesson])

    @rule(query=texts, name=some_name, project=some_project, kind=st.sampled_from(("message", "task", "lesson", None)))
    def search(self, query: str, name: str | None, project: str | None, kind: str | None) -> None:
        kinds = None if kind is None else [kind]
        self.pair.call("search", query=query, instanceId=name, project_id=project, kinds=kinds)

    @rule(name=some_name, to=st.none() | strangers, status=st.sampled_from(("read", "unread", None)), tags=tags)
    def list_messages(self, name: str | None, to: str | None, status: str | None, tags: list[str] | None) -> None:
        self.all_pages("get_messages", instanceId=name, to=to, status=status, tags=tags)

    @rule(project=some_project, status=st.sampled_from(("pending", "completed", None)), to=some_name, tags=tags)
    def list_tasks(self, project: str | None, status: str | None, to: str | None, tags: list[str] | None) -> None:
        self.all_pages("get_tasks", project_id=project, status=status, assigned_to=to, tags=tags)

    @rule(name=strangers, project=projects, active=st.booleans())
    def look_around(self, name: str, project: str, active: bool) -> None:
        self.all_pages("get_instances", active_only=active)
        self.all_pages("get_projects")
        self.all_pages("get_lessons", project_id=project)
        self.all_pages("get_archived_messages", instanceId=name)
        for operation in ("get_instance_stats", "get_message_stats"):
            self.pair.call(operation, instance_id=name)
        for operation in ("get_project_stats", "get_lesson_patterns"):
            self.pair.call(operation, project_id=project)
        self.pair.call("get_project", id=project)
        self.pair.call("get_instance", instanceId=name)

    def all_pages(self, operation: str, **arguments: Any) -> None:
        """A list to its end, two rows at a time."""
        answer = self.pair.call(operation, **arguments, limit=2)
        while answer is not None and "next_cursor" in answer:
            answer = self.pair.call(operation, **arguments, limit=2, cursor=answer["next_cursor"])

    @invariant()
    def inboxes_are_right(self) -> None:
        self.pair.look(lambda records: invariants.inboxes_are_right(records, (*NAMES, "zed", "ANN")))
        self.pair.look(invariants.everybody_has_its_messages)

    @invariant()
    def tasks_are_right(self) -> None:
        self.fences.check(self.pair.look(invariants.tasks_are_right))


def _run(examples: int, steps: int) -> None:
    slow_is_fine = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    run_state_machine_as_test(
        StoresAgree,
        settings=settings(
            max_examples=examples, stateful_step_count=steps, deadline=None, suppress_health_check=slow_is_fine
        ),
    )


@pytest.mark.slow
def test_both_stores_answer_any_sequence_of_calls_alike() -> None:
    _run(examples=30, steps=40)


@pytest.mark.soak
def test_both_stores_answer_very_many_sequences_of_calls_alike() -> None:
    _run(examples=3000, steps=80)
