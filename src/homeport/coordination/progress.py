"""Progress: how a task changes, by its holder's hand or by anybody's.

::

    pending -> claimed -> in_progress -> completed -> pending
       |          |            |
       +------- blocked -------+        claimed, in_progress -> pending: released, or the lease ended
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from homeport.coordination import instances
from homeport.coordination.claims import lease_ended, stored
from homeport.coordination.events import record
from homeport.coordination.tasks import Task, check_dependencies, checked
from homeport.coordination.values import ACTIVE_WINDOW, JsonObject, Millis, merged
from homeport.errors import ConflictError, InvalidError

if TYPE_CHECKING:
    from homeport.coordination.store import Records

LEGAL: Final = {
    "pending": frozenset({"blocked"}),
    "claimed": frozenset({"in_progress", "blocked", "completed", "pending"}),
    "in_progress": frozenset({"blocked", "completed", "pending"}),
    "blocked": frozenset({"in_progress", "pending"}),
    "completed": frozenset({"pending"}),
}
"""Which status may follow which by an update; ``claimed`` comes by a claim alone."""


_FIRST: Final = {
    "pending": " Claim it first.",
    "blocked": " Set it to pending, then claim it.",
    "completed": " Set it to pending, then claim it.",
}
"""How to come to hold a task that nobody holds."""


@dataclass(frozen=True, slots=True)
class TaskUpdate:
    """What to change; ``None`` leaves it. ``release`` empties ``assigned_to`` and returns a held task."""

    title: str | None = None
    description: str | None = None
    status: str | None = None
    priority: str | None = None
    assigned_to: str | None = None
    release: bool = False
    role: str | None = None
    dependencies: tuple[str, ...] | None = None
    estimated_effort: str | None = None
    completion_notes: str | None = None
    tags: tuple[str, ...] | None = None
    metadata: JsonObject | None = None


@dataclass(frozen=True, slots=True)
class Writer:
    """Who changes a task, as far as the caller says: its id, and the fence that its claim gave it."""

    instance_id: str | None = None
    fence: int | None = None


def update(records: Records, task: Task, change: TaskUpdate, writer: Writer, now: Millis) -> Task:
    """Changes a task as its holder, or what anybody may change.

    Raises:
        ConflictError: a stale fence; another holds it; a step that the state machine does not have.
        InvalidError: a value that cannot be; a circle of dependencies.
    """
    task = lease_ended(records, task, now)
    if writer.fence is not None and writer.fence != task.fence:
        raise _stale(task, writer.fence)
    changed = _edited(task, change, now)
    moves = (change.status not in (None, task.status)) or change.release or change.assigned_to is not None
    if moves:
        _refuse_strangers(task, change, writer)
        changed = _moved(records, changed, change, now)
    elif writer.instance_id is not None and writer.instance_id == task.holder:
        changed = replace(changed, lease_expires_at=now + ACTIVE_WINDOW)
    checked(changed)
    if changed.dependencies != task.dependencies:
        check_dependencies(records, changed)
    after = stored(records, changed)
    data = {"from": task.status, "to": after.status} if after.status != task.status else {}
    project = task.project_id or None
    record(
        records, "task.updated", now, actor=writer.instance_id, subject=task.reference, project_id=project, data=data
    )
    return after


def _stale(task: Task, fence: int) -> ConflictError:
    if fence > task.fence:
        return ConflictError(
            f"Task {task.reference!r}: fence {fence} was never given, it is {task.fence}.",
            "Give the fence that your claim answered with.",
            fence=task.fence,
        )
    now = f"{task.holder} holds it now" if task.holder else f"it is {task.status} now and nobody holds it"
    hint = "It is done; leave it." if task.status == "completed" else "Claim it again before you write."
    return ConflictError(
        f"Task {task.reference!r}: fence {fence} is old, it is {task.fence}: your hold has ended, {now}.",
        hint,
        fence=task.fence,
    )


def _refuse_strangers(task: Task, change: TaskUpdate, writer: Writer) -> None:
    """A status changes by the holder's hand; a caller that names nobody is taken at its word."""
    if writer.instance_id is None or task.status in ("pending", "completed"):
        return
    if task.holder is not None and task.holder != writer.instance_id:
        raise ConflictError(
            f"Task {task.reference!r} is held by {task.holder}, not by {writer.instance_id}.",
            "Write to its holder, or wait until the lease ends.",
            holder=task.holder,
        )
    if task.holder is None and change.status != "pending":
        raise ConflictError(f"Task {task.reference!r} has no holder.", "Set it to pending, then claim it.")


def _edited(task: Task, change: TaskUpdate, now: Millis) -> Task:
    """Everything but status and holder."""
    return replace(
        task,
        title=task.title if change.title is None else change.title,
        description=task.description if change.description is None else change.description,
        priority=change.priority or task.priority,
        # An empty role is anybody's.
        role=task.role if change.role is None else change.role or None,
        dependencies=task.dependencies if change.dependencies is None else change.dependencies,
        estimated_effort=task.estimated_effort if change.estimated_effort is None else change.estimated_effort,
        completion_notes=task.completion_notes if change.completion_notes is None else change.completion_notes,
        tags=task.tags if change.tags is None else change.tags,
        metadata=task.metadata if change.metadata is None else merged(task.metadata, change.metadata),
        updated_at=now,
    )


def _moved(records: Records, task: Task, change: TaskUpdate, now: Millis) -> Task:
    """The task after a change of status or holder."""
    if change.release or (change.assigned_to is not None and change.assigned_to != task.assigned_to):
        return _handed_on(records, task, change)
    status = change.status or task.status
    if status == task.status:
        return task
    if status == "claimed":
        raise InvalidError("updates.status: a task becomes claimed by claim_task.", "Call claim_task.")
    if status not in LEGAL[task.status] or (status == "in_progress" and task.holder is None):
        allowed = ", ".join(sorted(LEGAL[task.status]))
        first = _FIRST.get(task.status, "") if task.holder is None and status != "pending" else ""
        raise ConflictError(
            f"Task {task.reference!r} cannot go from {task.status} to {status}.",
            f"From {task.status} it can go to {allowed}.{first}",
        )
    if status == "pending":
        return replace(
            task, status=status, assigned_to=None, lease_expires_at=None, completed_at=None, fence=task.fence + 1
        )
    if status == "completed":
        return replace(task, status=status, lease_expires_at=None, completed_at=now)
    lease = now + ACTIVE_WINDOW if task.assigned_to else None
    # Blocking what is assigned but not claimed makes its assignee the holder: a new holder, a new fence.
    is_new = task.holder is None and task.assigned_to is not None
    return replace(task, status=status, lease_expires_at=lease, fence=task.fence + is_new)


def _handed_on(records: Records, task: Task, change: TaskUpdate) -> Task:
    """Released to everybody or assigned to one, who then claims it."""
    if task.status == "completed":
        raise ConflictError(
            f"Task {task.reference!r} is completed: it has no holder to change.", "Set it to pending first."
        )
    if change.status not in (None, "pending", task.status):
        raise ConflictError(
            f"Task {task.reference!r} is {task.status}: it cannot change hands and become {change.status} at once.",
            "Do one after the other.",
        )
    if change.assigned_to is not None:
        instances.required(records, change.assigned_to, "updates.assigned_to")
    status = "blocked" if task.status == "blocked" and change.status != "pending" else "pending"
    return replace(task, status=status, assigned_to=change.assigned_to, lease_expires_at=None, fence=task.fence + 1)
