"""Questions that are asked all the time look into an index, however much there is; SQLite's own plans say so."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

import pytest

from homeport.contract import DATABASE_FILE
from homeport.coordination.events import EventFilter
from homeport.coordination.lessons import LessonFilter
from homeport.coordination.messages import InboxQuery, MessageFilter
from homeport.coordination.search import KINDS
from homeport.coordination.store import Records
from homeport.coordination.tasks import TaskFilter
from homeport.coordination.values import Page
from homeport.storage.sql.database import Cursor, Database
from homeport.storage.sqlite.dialect import records
from homeport.storage.sqlite.opening import prepared
from tests.support import given
from tests.unit.storage.conftest import question

# In these there is a row for each of something that grows; a scan of an index of words is a question to it.
LARGE: Final = "messages|deliveries|inboxes|events|answers|tasks|lessons|instances|submissions|memberships"
SCAN: Final = re.compile(rf"\bSCAN ({LARGE})\b(?!_words)|TEMP B-TREE")
IN_ORDER: Final = re.compile(r"ORDER BY (messages\.)?(seq|id)\b")
ALLOWED: Final = (
    # These sort what few rows they have, or what they insert one by one anyway.
    ("backlog", "TEMP B-TREE"),
    ("send to many", "TEMP B-TREE"),
    ("task anywhere", "TEMP B-TREE"),
    ("held_by", "TEMP B-TREE"),
    ("unfinished", "TEMP B-TREE"),
)

QUESTIONS: Final[dict[str, Callable[[Records], object]]] = {
    "inbox": lambda r: r.messages.inbox(InboxQuery("bob"), Page(20, (50,))),
    "inbox unread": lambda r: r.messages.inbox(InboxQuery("bob", unread_only=True), Page(20)),
    "inbox read": lambda r: r.messages.inbox(InboxQuery("bob", read_only=True), Page(20)),
    "inbox from": lambda r: r.messages.inbox(InboxQuery("bob", filter=MessageFilter(sender="ann")), Page(20)),
    "archive": lambda r: r.messages.inbox(InboxQuery("bob", archived=True, archived_month="2026-01"), Page(20)),
    "arrivals": lambda r: r.messages.arrivals("bob", 5, unread_only=False, limit=20),
    "arrivals unread": lambda r: r.messages.arrivals("bob", 0, unread_only=True, limit=20),
    "last arrival": lambda r: r.messages.last_arrival("bob"),
    "counts": lambda r: r.messages.inbox_counts("bob"),
    "message": lambda r: r.messages.get("m"),
    "delivery": lambda r: r.messages.delivery("bob", 1),
    "sent by": lambda r: r.messages.select(MessageFilter(sender="ann"), Page(20)),
    "sent on": lambda r: r.messages.select(MessageFilter(channel="all"), Page(20, (7,))),
    "thread": lambda r: r.messages.select(MessageFilter(thread_id="t"), Page(20)),
    "newest": lambda r: r.messages.select(MessageFilter(), Page(20, (7,))),
    "backlog": lambda r: r.messages.deliver_backlog("bob", ["all", "role:x"]),
    "send": lambda r: r.messages.add(given.message("m1"), ["bob"]),
    "send to many": lambda r: r.messages.add(given.message("m2"), ["bob", "eve"]),
    "set read": lambda r: r.messages.set_read("bob", 1, 5),
    "set archived": lambda r: r.messages.set_archived("bob", 1, 5),
    "delete": lambda r: r.messages.delete(1),
    "claim": lambda r: r.tasks.next_claimable("ann", "developer", None),
    "claim in projects": lambda r: r.tasks.next_claimable("ann", "developer", ("p", "q", "")),
    "expired": lambda r: r.tasks.expired(5, 100),
    "renew": lambda r: r.tasks.renew_leases("ann", 5),
    "held_by": lambda r: r.tasks.held_by("ann"),
    "task": lambda r: r.tasks.get("p", "t"),
    "task anywhere": lambda r: r.tasks.find("t"),
    "tasks": lambda r: r.tasks.select(TaskFilter(), Page(20, (1, 5))),
    "tasks of a project": lambda r: r.tasks.select(TaskFilter(project_id="p"), Page(20)),
    "tasks in a status": lambda r: r.tasks.select(TaskFilter(status="pending"), Page(20)),
    "pending tasks of a project": lambda r: r.tasks.select(TaskFilter(project_id="p", status="pending"), Page(20)),
    "unfinished": lambda r: r.tasks.unfinished_dependencies(given.task("t", seq=1, dependencies=("u",))),
    "instance": lambda r: r.instances.get("ann"),
    "touch": lambda r: r.instances.touch("ann", 5),
    "role": lambda r: r.instances.ids_with_role("developer"),
    "role known": lambda r: r.role_known("developer"),
    "instances": lambda r: r.instances.ids(),
    "members": lambda r: r.projects.members("p"),
    "projects of": lambda r: r.projects.projects_of("ann"),
    "answer": lambda r: r.answers.get("op", "key"),
    "forget answers": lambda r: r.answers.forget(5),
    "events": lambda r: r.events.select(EventFilter(), 5, 100),
    "history": lambda r: r.events.select(EventFilter(subject="p/t"), 0, 100),
    "timeline": lambda r: r.events.select(EventFilter(project_id="p"), 0, 100),
    "lessons": lambda r: r.lessons.select(LessonFilter(), Page(20, (7,))),
    "lesson": lambda r: r.lessons.get(1),
    "known project": lambda r: r.lessons.has_project("p"),
    "submission": lambda r: r.lessons.of_submission("s"),
    **{
        f"search {kind}": lambda r, kind=kind: r.search(  # type: ignore[misc]
            question("two words", kind, channels=("all",), reader="bob", project_id="p", before=9)
        )
        for kind in KINDS
    },
}


class Recorder:
    """A connection that keeps what it was asked."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.asked: list[tuple[str, Sequence[object]]] = []

    @property
    def in_transaction(self) -> bool:
        return self._database.in_transaction

    @property
    def total_changes(self) -> int:
        return self._database.total_changes

    def execute(self, statement: str, values: Sequence[object] = (), /) -> Cursor:
        self.asked.append((statement, values))
        return self._database.execute(statement, values)

    def executemany(self, statement: str, rows: Iterable[Sequence[object]], /) -> Cursor:
        return self._database.executemany(statement, rows)

    def close(self) -> None:
        self._database.close()


@pytest.fixture(scope="module")
def recorder(tmp_path_factory: pytest.TempPathFactory) -> Recorder:
    path: Path = tmp_path_factory.mktemp("plans") / DATABASE_FILE
    return Recorder(prepared(path))


@pytest.mark.parametrize("name", QUESTIONS)
def test_what_is_asked_all_the_time_looks_into_an_index(recorder: Recorder, name: str) -> None:
    recorder.asked.clear()
    QUESTIONS[name](records(recorder))
    assert recorder.asked
    findings = []
    for statement, values in tuple(recorder.asked):
        for *_, detail in recorder._database.execute(f"EXPLAIN QUERY PLAN {statement}", values):
            found = SCAN.search(detail)
            # A walk in the order that is wanted ends with the page.
            walks = "INDEX" in detail or IN_ORDER.search(statement) is not None
            sorts = found is not None and found[0] == "TEMP B-TREE"
            if found and (sorts or not walks) and (name, found[0]) not in ALLOWED:
                findings.append(f"{detail}: {' '.join(statement.split())}")
    assert not findings, "\n".join(findings)
