"""Import of tasks: after the projects, and with only those dependencies that can be waited for."""

from __future__ import annotations

from homeport.coordination.tasks import NO_PROJECT, Task
from homeport.exchange.json_v1 import tasks
from homeport.exchange.json_v1.intake import Intake, where
from homeport.exchange.json_v1.layout import Kind
from homeport.exchange.json_v1.ledger import Item
from homeport.exchange.json_v1.shapes import Notes, usable_name


def import_tasks(intake: Intake) -> None:
    """Adds the tasks that are new, in the order of their files."""
    found: list[tuple[Item, Task]] = []
    for item in intake.new(Kind.TASKS, "tasks"):
        owner = _project_of(intake, item)
        key = intake.key(item, "tasks", f"{owner}/")
        if key is None:
            continue
        task_id = key.rpartition("/")[2]
        notes = Notes()
        task = tasks.decode(item.record, intake.context(item, task_id, owner), notes)
        known = intake.records.tasks.get(owner, task_id)
        if known is not None:
            patched = tasks.SHAPE.patched(item.record, task, tasks.as_named(known, task.dependencies))
            intake.known(item, "tasks", is_same=patched is item.record)
            continue
        intake.imported(item, "tasks", key, notes)
        found.append((item, task))
    added = tasks.waitable([task for _, task in found], lambda reference: _exists(intake, reference))
    for (item, named), task in zip(found, added, strict=True):
        intake.records.tasks.add(task)
        dropped = [name for name in named.dependencies if name not in task.dependencies]
        if dropped:
            intake.odd(
                "tasks",
                where(item),
                f"depends on {', '.join(dropped)}: unknown, or in a circle",
                "not waited for; it stands in the task's metadata",
            )


def _project_of(intake: Intake, item: Item) -> str:
    """Its directory says which project's a file is; one that says ``null`` itself is of none."""
    envelope = intake.envelope(item.path)
    if isinstance(envelope, dict) and "project_id" in envelope and envelope["project_id"] is None:
        return NO_PROJECT
    owner = usable_name(item.place.owner)
    if intake.records.projects.get(owner) is None:
        intake.odd(
            "tasks",
            item.path,
            f"no project {owner!r} in projects/manifest.json",
            "kept; in reach once create_project makes the project",
        )
    return owner


def _exists(intake: Intake, reference: str) -> bool:
    project_id, _, task_id = reference.rpartition("/")
    return intake.records.tasks.get(project_id, task_id) is not None
