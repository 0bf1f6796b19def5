"""Tasks: ``projects/<project>/tasks.json``. Their ids are unique within the project alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final

from homeport.coordination.tasks import HELD, STATUSES, Task
from homeport.coordination.values import JsonObject
from homeport.exchange.json_v1.mapping import Shape
from homeport.exchange.json_v1.projects import PRIORITY
from homeport.exchange.json_v1.shapes import Context, Notes, as_text, as_texts, moment, moment_or, word

UNKNOWN_DEPENDENCIES: Final = "unknown_dependencies"
"""In a task's metadata: dependencies that the file names and that cannot be waited for."""

SHAPE: Final = Shape(
    {
        "title": (("title",),),
        "description": (("description",),),
        "status": (("status",),),
        "priority": (("priority",),),
        "assigned_to": (("assigned_to",), ("assignee",)),
        "created_at": (("created",),),
        "updated_at": (("updated",),),
        "estimated_effort": (
            ("metadata", "effort_estimate"),
            ("metadata", "estimated_effort"),
            ("estimated_effort",),
            ("effort_estimate",),
        ),
        "tags": (("metadata", "tags"), ("tags",)),
        "dependencies": (("metadata", "dependencies"), ("dependencies",)),
        "claimed_at": (("claimed_at",),),
        "completed_at": (("completed_at",),),
        "completion_notes": (("completion_notes",), ("metadata", "completion_notes")),
        "role": (("role",),),
    },
    optional=frozenset({"claimed_at", "completed_at", "completion_notes", "role"}),
    ignored="project_id",
)
_STATUS: Final = {word: word for word in STATUSES} | {
    "todo": "pending",
    "open": "pending",
    "new": "pending",
    "assigned": "pending",
    "started": "in_progress",
    "active": "in_progress",
    "done": "completed",
    "complete": "completed",
    "finished": "completed",
    "closed": "completed",
    "cancelled": "completed",
    "canceled": "completed",
    "archived": "completed",
}


def decode(record: JsonObject, context: Context, notes: Notes) -> Task:
    """The task that a record describes, with the dependencies that it names, whether or not they exist.

    A held task has no lease: its holder keeps it for as long as the holder shows signs of life.
    """
    created = moment_or(
        (SHAPE.read(record, "created_at"), SHAPE.read(record, "updated_at")), context.id, context.since, notes
    )
    updated = moment(SHAPE.read(record, "updated_at"))
    updated = created if updated is None else updated
    status = word(SHAPE.read(record, "status"), _STATUS, "blocked", "the status", notes) if _said(record) else "pending"
    holder = as_text(SHAPE.read(record, "assigned_to")) or None
    if status in HELD - {"blocked"} and holder is None:
        notes.add(f"{status}, and nobody holds it", "taken as pending")
        status = "pending"
    completed = moment(SHAPE.read(record, "completed_at"))
    title = as_text(SHAPE.read(record, "title"))
    return Task(
        project_id=context.owner,
        id=context.id,
        title=title if title.strip() else context.id,
        description=as_text(SHAPE.read(record, "description")),
        status=status,
        priority=word(SHAPE.read(record, "priority"), PRIORITY, "medium", "the priority", notes),
        created_at=created,
        updated_at=updated,
        assigned_to=holder,
        claimed_at=moment(SHAPE.read(record, "claimed_at")),
        completed_at=updated if status == "completed" and completed is None else completed,
        role=as_text(SHAPE.read(record, "role")) or None,
        dependencies=as_texts(SHAPE.read(record, "dependencies")),
        estimated_effort=as_text(SHAPE.read(record, "estimated_effort")) or None,
        completion_notes=as_text(SHAPE.read(record, "completion_notes")) or None,
        tags=as_texts(SHAPE.read(record, "tags")),
        metadata=SHAPE.metadata(record),
    )


def _said(record: JsonObject) -> bool:
    return SHAPE.read(record, "status") is not None


def reference(project_id: str, name: str) -> str:
    """What a dependency means: ``project/id``, from an id of the same project or from another's reference."""
    return name if "/" in name or not project_id else f"{project_id}/{name}"


def waitable(tasks: Iterable[Task], exists: Callable[[str], bool]) -> list[Task]:
    """The tasks with only those dependencies that can be waited for.

    A dependency on a task that does not exist, or one that closes a circle, would make every later change of
    the task an error; such ones go into its metadata.
    """
    tasks = list(tasks)
    there = {task.reference for task in tasks}
    leads_to: dict[str, list[str]] = {}
    result = []
    for task in tasks:
        kept, dropped = [], []
        for name in task.dependencies:
            target = reference(task.project_id, name)
            known = target in there or exists(target)
            if known and not _reaches(leads_to, target, task.reference):
                leads_to.setdefault(task.reference, []).append(target)
                kept.append(name)
            else:
                dropped.append(name)
        metadata = {**task.metadata, UNKNOWN_DEPENDENCIES: dropped} if dropped else task.metadata
        result.append(replace(task, dependencies=tuple(kept), metadata=metadata))
    return result


def _reaches(leads_to: dict[str, list[str]], begin: str, end: str) -> bool:
    seen, ahead = set(), [begin]
    while ahead:
        one = ahead.pop()
        if one == end:
            return True
        if one not in seen:
            seen.add(one)
            ahead += leads_to.get(one, ())
    return False


def as_named(task: Task, named: tuple[str, ...]) -> Task:
    """The task with the dependencies that its record ``named`` and that could not be waited for put back."""
    dropped = task.metadata.get(UNKNOWN_DEPENDENCIES)
    if not isinstance(dropped, list):
        return task
    metadata = {key: value for key, value in task.metadata.items() if key != UNKNOWN_DEPENDENCIES}
    kept = [name for name in named if name in task.dependencies or name in dropped]
    added = [name for name in (*task.dependencies, *dropped) if name not in kept]
    return replace(task, dependencies=(*kept, *added), metadata=metadata)


def encode(task: Task) -> JsonObject:
    """A new record."""
    return SHAPE.fresh(task.id, task)
