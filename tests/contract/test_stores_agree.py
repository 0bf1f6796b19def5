"""Every store answers any sequence of calls as the one of plain dictionaries does, and no sequence breaks a promise."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from homeport.coordination.store import Store
from homeport.coordination.tasks import STATUSES
from tests.support import invariants
from tests.support.pair import Pair
from tests.support.postgres import Cluster
from tests.support.stores import on_postgres, open_file

NAMES: Final = ("ann", "bob", "Eve")
ROLES: Final = ("dev", "Straße", "STRASSE")
PROJECTS: Final = ("p", "q")
TASKS: Final = ("t1", "t2", "t3")
WORDS: Final = ("Crane", "crane", "Hafenstraße", "café", "日本語", '"OR"', "a_b", "★")

names = st.sampled_from(NAMES)
strangers = st.sampled_from((*NAMES, "zed"))
roles = st.sampled_from(ROLES)
projects = st.sampled_from(PROJECTS)
some_project = st.none() | projects
some_name = st.none() | strangers
texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map(" ".join)
priorities = st.sampled_from(("critical", "high", "medium", "low"))
tags = st.sampled_from((None, ["x"], ["y"], ["x", "y"]))
groups = st.sampled_from(("ALL", "all", "Strasse", "role:dev", "project-team:p", "project-team:q"))
people = st.sampled_from((*NAMES, "zed", "ANN", "dev", "project-member:p:bob"))
addresses = groups | people | st.lists(groups | people, min_size=2, max_size=3).map(",".join)
numbers = st.integers(0, 10)
"""Which of the messages or tasks that there are, from the newest."""
writers = st.sampled_from(("holder", None, "ann"))
keys = st.sampled_from((None, None, None, None, "key-1", "key-2"))


class StoresAgree(RuleBasedStateMachine):
    """Drives both; each rule is one call."""

    def __init__(self, open_other: Callable[[Path], AbstractAsyncContextManager[Store]]) -> None:
        super().__init__()
        self.pair = Pair(open_other)
        self.messages = ["msg-0"]
        self.tasks = ["t0"]
        self.fences = invariants.Fences()
        self.positions: dict[str, tuple[str, str]] = {}

    def teardown(self) -> None:
        try:
            self.pair.look(invariants.history)
        finally:
            self.pair.close()

    @initialize()
    def begin(self) -> None:
        """A team of three with work to do: most of what is drawn then means something."""
        for name, role in zip(NAMES, ROLES, strict=True):
            self.register(name, role, None)
        self.create_project("p", ["ann", "bob"], "Crane", ["x"])
        self.create_task("t1", "p", "low", None, None, "crane")
        self.create_task("t2", None, "high", "STRASSE", None, "café")
        self.send("all,Strasse", "zed", "Crane", None, ["x"], None)
        self.send("project-team:p,dev", "ann", "Crane crane", None, ["x", "y"], None)

    def message(self, number: int) -> str:
        """One of the messages that were sent; the first of them never was."""
        return self.messages[-1 - number % len(self.messages)]

    def task(self, number: int) -> str:
        """One of the tasks that were created; the first of them never was."""
        return self.tasks[-1 - number % len(self.tasks)]

    def writer(self, task: str, by: str | None, fence: int | None) -> dict[str, Any]:
        """Who writes (``holder``: whoever holds it), and with which fence, counted from the right one."""
        answer = self.pair.call("get_task", id=task)
        known = answer["task"] if answer else {}
        who = known.get("assigned_to") if by == "holder" else by
        return {"instanceId": who, "fence": None if fence is None else known.get("fence", 0) + fence}

    @rule(minutes=st.sampled_from((0.1, 5, 15, 16)))
    def time_passes(self, minutes: float) -> None:
        self.pair.later(minutes)

    @rule(name=names, role=roles, key=keys)
    def register(self, name: str, role: str, key: str | None) -> None:
        self.pair.call("register_instance", instanceId=name, role=role, idempotency_key=key)

    @rule(name=names, role=roles, project=some_project)
    def bootstrap(self, name: str, role: str, project: str | None) -> None:
        self.pair.call("bootstrap", instanceId=name, role=role, project=project)

    @rule(name=strangers, what=st.sampled_from((None, None, "busy", "active", "off")))
    def show_up_or_go(self, name: str, what: str | None) -> None:
        if what == "off":
            self.pair.call("deactivate_instance", instanceId=name)
        else:
            self.pair.call("update_heartbeat", instanceId=name, status=what)

    @rule(what=st.sampled_from(("new", "edit", "join", "join", "leave", "archive", "delete")), name=projects, who=names)
    def change_projects(self, what: str, name: str, who: str) -> None:
        if what == "new":
            self.create_project(name, [who], f"Crane {who}", [who[0]])
        elif what in ("archive", "delete"):
            self.pair.call("delete_project", id=name, hard_delete=what == "delete")
        else:
            changes = {"join": {"add_members": [who]}, "leave": {"remove_members": [who]}}
            updates = changes.get(what, {"description": f"for {who}", "tags": ["y"]})
            self.pair.call("update_project", id=name, updates=updates)

    def create_project(self, name: str, members: list[str], text: str, tags: list[str]) -> None:
        self.pair.call("create_project", id=name, name=text, description=text, members=members, tags=tags)

    @rule(to=addresses, sender=strangers, text=texts, reply=st.none() | numbers, tags=tags, key=keys)
    def send(self, to: str, sender: str, text: str, reply: int | None, tags: list[str] | None, key: str | None) -> None:
        given: dict[str, Any] = {"to": to, "from_": sender, "subject": text[:20], "content": text, "tags": tags}
        given["reply_to"] = None if reply is None else self.message(reply)
        answer = self.pair.call("send_message", **given, idempotency_key=key)
        if answer is not None and answer["message"]["id"] not in self.messages:
            self.messages.append(answer["message"]["id"])

    @rule(what=st.sampled_from(("read", "archive", "put away", "delete")), number=numbers, reader=some_name)
    def handle(self, what: str, number: int, reader: str | None) -> None:
        name = self.message(number)
        if what == "read":
            self.pair.call("mark_message_read", id=name, reader_id=reader)
        elif what == "archive":
            self.pair.call("archive_message", id=name, archiver_id=reader)
        else:
            self.pair.call("delete_message", id=name, hard_delete=what == "delete")

    @rule(name=strangers)
    def wait(self, name: str) -> None:
        position = self.pair.waits(name, self.positions.get(name, (None, None)))
        if position is not None:
            self.positions[name] = position

    @rule(
        name=st.sampled_from(TASKS),
        project=some_project,
        priority=priorities,
        role=st.none() | roles,
        to=st.none() | names,
        text=texts,
    )
    def create_task(
        self, name: str, project: str | None, priority: str, role: str | None, to: str | None, text: str
    ) -> None:
        given = {"id": name, "title": text[:30], "description": text, "project_id": project}
        reference = f"{project}/{name}" if project else name
        if self.pair.call("create_task", **given, priority=priority, role=role, assigned_to=to):
            self.tasks.append(reference)

    @rule(by=names, which=st.none() | numbers, project=some_project, key=keys)
    def claim(self, by: str, which: int | None, project: str | None, key: str | None) -> None:
        if which is None:
            self.pair.call("claim_next_task", instanceId=by, project_id=project, idempotency_key=key)
        else:
            self.pair.call("claim_task", id=self.task(which), instanceId=by, idempotency_key=key)

    @rule(number=numbers, status=st.sampled_from(STATUSES), by=writers, fence=st.sampled_from((None, 0, -1)))
    def progress(self, number: int, status: str, by: str | None, fence: int | None) -> None:
        name = self.task(number)
        self.pair.call("update_task", id=name, updates={"status": status}, **self.writer(name, by, fence))

    @rule(number=numbers, needs=st.lists(numbers, max_size=2), to=some_name, text=texts, what=st.integers(0, 2))
    def change_task(self, number: int, needs: list[int], to: str | None, text: str, what: int) -> None:
        name = self.task(number)
        updates: tuple[dict[str, Any], ...] = (
            {"dependencies": [*map(self.task, needs)]},
            {"assigned_to": to},
            {"description": text, "tags": text.split()},
        )
        self.pair.call("update_task", id=name, updates=updates[what])

    @rule(project=projects, by=names, text=texts, sure=st.none() | st.sampled_from((0.25, 0.5)))
    def learn(self, project: str, by: str, text: str, sure: float | None) -> None:
        lesson = {"type": text.split(maxsplit=1)[0], "content": text, "confidence": sure}
        self.pair.call("submit_lessons", project_id=project, instance_id=by, lessons=[lesson, lesson])

    @rule(query=texts, name=some_name, project=some_project)
    def search(self, query: str, name: str | None, project: str | None) -> None:
        self.pair.call("search", query=query, instanceId=name, project_id=project)
        self.all_pages("search", query="crane", instanceId=name, project_id=project, kinds=["message"])

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


@asynccontextmanager
async def _on_sqlite(directory: Path) -> AsyncIterator[Store]:
    store = await open_file(directory)
    try:
        yield store
    finally:
        await store.close()


def _run(
    examples: int, steps: int, open_other: Callable[[Path], AbstractAsyncContextManager[Store]] = _on_sqlite
) -> None:
    slow_is_fine = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    run_state_machine_as_test(
        lambda: StoresAgree(open_other),  # type: ignore[arg-type]  # whatever makes one will do
        settings=settings(
            max_examples=examples, stateful_step_count=steps, deadline=None, suppress_health_check=slow_is_fine
        ),
    )


# Where the two disagree, finding the shortest way to show it takes a while; it must not end as a timeout.
@pytest.mark.timeout(400)
@pytest.mark.slow
def test_both_stores_answer_any_sequence_of_calls_alike() -> None:
    _run(examples=8, steps=100)


@pytest.mark.timeout(400)
@pytest.mark.slow
@pytest.mark.needs_postgres
def test_postgres_answers_any_sequence_of_calls_alike_too(postgres: Cluster) -> None:
    _run(examples=3, steps=100, open_other=lambda _: on_postgres(postgres))


@pytest.mark.soak
def test_both_stores_answer_very_many_sequences_of_calls_alike() -> None:
    _run(examples=1000, steps=200)


@pytest.mark.soak
@pytest.mark.needs_postgres
def test_postgres_answers_very_many_sequences_of_calls_alike_too(postgres: Cluster) -> None:
    _run(examples=300, steps=200, open_other=lambda _: on_postgres(postgres))
