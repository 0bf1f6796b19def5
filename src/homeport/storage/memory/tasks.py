"""Tasks in a dictionary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from homeport.coordination.tasks import PRIORITIES, Task, TaskFilter, due_day
from homeport.coordination.values import Millis, Page
from homeport.storage.memory.paging import following
from homeport.storage.memory.tables import Tables, overlap
from homeport.storage.memory.words import all_occur


class MemoryTasks:
    """See :class:`homeport.coordination.store.Tasks`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def get(self, project_id: str, task_id: str) -> Task | None:
        return self._tables.tasks.get((project_id, task_id))

    def find(self, task_id: str) -> Sequence[Task]:
        return sorted((one for one in self._all() if one.id == task_id), key=lambda one: one.project_id)

    def add(self, task: Task) -> Task:
        stored = replace(task, seq=self._tables.next_number("task"))
        self._tables.tasks[task.project_id, task.id] = stored
        return stored

    def update(self, task: Task) -> None:
        known = self._tables.tasks[task.project_id, task.id]
        self._tables.tasks[task.project_id, task.id] = replace(task, seq=known.seq)

    def select(self, which: TaskFilter, page: Page) -> Sequence[Task]:
        return following(self._matching(which), _rank, page)

    def count(self, which: TaskFilter) -> int:
        return len(self._matching(which))

    def counts(self) -> dict[tuple[str, str], int]:
        return dict(Counter((one.project_id, one.status) for one in self._all()))

    def held_by(self, instance_id: str) -> Sequence[Task]:
        held = [one for one in self._all() if one.holder == instance_id]
        return sorted(held, key=lambda one: (one.claimed_at or 0, one.seq))

    def holders(self, project_id: str) -> list[str]:
        return sorted({one.holder for one in self._all() if one.holder is not None and one.project_id == project_id})

    def expired(self, now: Millis, limit: int) -> Sequence[Task]:
        leased = [(one.lease_expires_at, one.seq, one) for one in self._all() if one.holder is not None]
        ended = sorted((end, seq, one) for end, seq, one in leased if end is not None and end <= now)
        return [one for _, _, one in ended[:limit]]

    def renew_leases(self, instance_id: str, until: Millis) -> int:
        leased = [one for one in self.held_by(instance_id) if one.lease_expires_at is not None]
        for task in leased:
            self.update(replace(task, lease_expires_at=until))
        return len(leased)

    def unfinished_dependencies(self, task: Task) -> list[str]:
        found: dict[str, None] = {}
        for name in task.dependencies:
            project_id, slash, task_id = name.rpartition("/")
            other = self.get(project_id if slash else task.project_id, task_id)
            if other is not None and other.status != "completed":
                found[other.reference] = None
        return list(found)

    def next_claimable(self, instance_id: str, role: str, projects: tuple[str, ...] | None) -> Task | None:
        free = [
            one
            for one in self._matching(TaskFilter(status="pending", role=role))
            if one.assigned_to in (None, instance_id)
            and (projects is None or one.project_id in projects)
            and not self.unfinished_dependencies(one)
        ]
        return min(free, key=lambda one: (one.assigned_to is None, *_rank(one)), default=None)

    def _all(self) -> list[Task]:
        return list(self._tables.tasks.values())

    def _matching(self, which: TaskFilter) -> list[Task]:
        return [
            one
            for one in self._all()
            if which.project_id in (None, one.project_id)
            and which.status in (None, one.status)
            and which.priority in (None, one.priority)
            and which.assigned_to in (None, one.assigned_to)
            and (which.role is None or one.role is None or one.role.casefold() == which.role.casefold())
            and overlap(which.tags, one.tags)
            and (not which.words or all_occur(which.words, f"{one.title} \n {one.description}"))
            and (which.due_before is None or _is_due(one, which.due_before))
        ]


def _is_due(task: Task, day: str) -> bool:
    due = due_day(task.metadata)
    return task.status != "completed" and due is not None and due < day


def _rank(task: Task) -> tuple[int, int]:
    return (PRIORITIES.index(task.priority), task.seq)
