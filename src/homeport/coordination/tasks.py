"""Tasks: work that exactly one instance holds at a time.

:mod:`~homeport.coordination.claims` is how a task gets and loses its holder,
:mod:`~homeport.coordination.progress` how it changes and which status may follow which.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Final

from homeport.coordination import projects
from homeport.coordination.events import record
from homeport.coordination.values import (
    MAX_ITEMS,
    MAX_TITLE,
    JsonObject,
    Millis,
    checked_name,
    checked_text,
)
from homeport.errors import ConflictError, InvalidError, NotFoundError, TooLargeError

if TYPE_CHECKING:
    from homeport.coordination.store import Records

PRIORITIES: Final = ("critical", "high", "medium", "low")
STATUSES: Final = ("pending", "claimed", "in_progress", "blocked", "completed")
HELD: Final = frozenset({"claimed", "in_progress", "blocked"})
"""In these a task may have a holder; a blocked one need not."""

NO_PROJECT: Final = ""
"""The project id of a task that belongs to none."""

_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, slots=True)
class Task:
    """One task. ``id`` is unique within its project; ``project/id`` names it anywhere."""

    project_id: str
    id: str
    title: str
    description: str
    status: str
    priority: str
    created_at: Millis
    updated_at: Millis
    assigned_to: str | None = None
    claimed_at: Millis | None = None
    completed_at: Millis | None = None
    lease_expires_at: Millis | None = None
    fence: int = 0
    role: str | None = None
    dependencies: tuple[str, ...] = ()
    estimated_effort: str | None = None
    completion_notes: str | None = None
    tags: tuple[str, ...] = ()
    metadata: JsonObject = field(default_factory=dict)
    seq: int = 0

    @property
    def reference(self) -> str:
        """``project/id``, or the id alone where there is no project."""
        return f"{self.project_id}/{self.id}" if self.project_id else self.id

    @property
    def holder(self) -> str | None:
        """Who holds it now."""
        return self.assigned_to if self.status in HELD else None


@dataclass(frozen=True, slots=True)
class TaskFilter:
    """All conditions must hold; ``tags``: at least one. ``role``: for that role, or for any.

    ``words``: all of them occur, as a search finds them; ``due_before``: not completed, and the day in
    ``metadata.due`` is before this one (``2026-11-26``).
    """

    project_id: str | None = None
    status: str | None = None
    priority: str | None = None
    assigned_to: str | None = None
    role: str | None = None
    tags: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    due_before: str | None = None


def due_day(metadata: JsonObject) -> str | None:
    """The day on which a task is due, as ``metadata.due`` says it; None where it says no day."""
    due = metadata.get("due")
    if not isinstance(due, str) or not _DAY.match(due):
        return None
    try:
        return date.fromisoformat(due[:10]).isoformat()
    except ValueError:
        # Data that were scrubbed have 0000-00-00.
        return None


def required(records: Records, task_id: str, project_id: str | None = None) -> Task:
    """The task of that id, ``project/id``, or id within ``project_id``.

    Raises:
        NotFoundError: there is none.
        InvalidError: several projects have one and none is named.
    """
    if project_id is None and "/" in task_id:
        project_id, _, task_id = task_id.rpartition("/")
    checked_name(task_id, "id")
    if project_id is not None:
        task = records.tasks.get(project_id, task_id)
        if task is None:
            raise NotFoundError(f"id: no task {task_id!r} in project {project_id!r}.", "Call get_tasks.")
        return task
    found = records.tasks.find(task_id)
    if not found:
        raise NotFoundError(f"id: no task {task_id!r}.", "Call get_tasks to see what there is.")
    if len(found) > 1:
        names = ", ".join(task.reference for task in found[:5])
        raise InvalidError(f"id: {len(found)} projects have a task {task_id!r}.", f"Say which: {names}.")
    return found[0]


def create(records: Records, task: Task, actor: str | None, now: Millis) -> Task:
    """Creates a pending task.

    Raises:
        ConflictError: its project has a task of that id.
        NotFoundError: its project, or one that it depends on, does not exist.
    """
    checked_name(task.id, "id")
    if task.project_id:
        projects.required(records, task.project_id)
    if records.tasks.get(task.project_id, task.id) is not None:
        raise ConflictError(f"id: task {task.reference!r} exists.", "Call update_task, or choose another id.")
    checked(task)
    check_dependencies(records, task)
    stored = records.tasks.add(task)
    record(records, "task.created", now, actor=actor, subject=task.reference, project_id=task.project_id or None)
    return stored


def checked(task: Task) -> None:
    """Refuses a task that cannot be: empty or oversize texts, too many tags or dependencies.

    Raises:
        InvalidError, TooLargeError: the sentence names the field.
    """
    checked_text(task.title, "title", MAX_TITLE)
    checked_text(task.description, "description")
    checked_text(task.completion_notes or "", "completion_notes")
    if not task.title.strip():
        raise InvalidError("title: it is empty.", "Say in a few words what is to be done.")
    if len(task.dependencies) > MAX_ITEMS or len(task.tags) > MAX_ITEMS:
        raise TooLargeError(f"dependencies, tags: at most {MAX_ITEMS} each.", "Split the task.")


def check_dependencies(records: Records, task: Task) -> None:
    """Refuses a task whose dependencies do not exist or lead back to it.

    Only when they are given: what a task depends on may be deleted later, with its project.

    Raises:
        InvalidError, NotFoundError: which one.
    """
    seen: set[str] = set()
    ahead = [dependency(records, task, name) for name in task.dependencies]
    while ahead:
        one = ahead.pop()
        if one.reference == task.reference:
            raise InvalidError(f"dependencies: {task.reference!r} would wait for itself.", "Break the circle.")
        if one.reference not in seen:
            seen.add(one.reference)
            for name in one.dependencies:
                found = _lookup(records, one, name)
                if found is not None:
                    ahead.append(found)


def dependency(records: Records, task: Task, name: str) -> Task:
    """The task that ``task`` names as a dependency: in its own project, or as ``project/id``.

    Raises:
        NotFoundError: there is none.
    """
    found = _lookup(records, task, name)
    if found is None:
        raise NotFoundError(
            f"dependencies: no task {name!r}.", "Name a task of the same project, or another's as project/id."
        )
    return found


def _lookup(records: Records, task: Task, name: str) -> Task | None:
    project_id, slash, task_id = name.rpartition("/")
    return records.tasks.get(project_id if slash else task.project_id, task_id)
