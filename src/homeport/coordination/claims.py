"""Claims: how a task gets a holder, and loses it.

A holder has a lease, which its signs of life renew. When the lease ends the task goes back to everybody.
The *fence* of a task grows with every change of holder: a writer that shows an old fence comes too late and
is refused, however it came to believe that it still holds the task (M. Kleppmann, "How to do distributed
locking", 2016).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from homeport.coordination import instances, projects
from homeport.coordination.events import record
from homeport.coordination.tasks import NO_PROJECT, Task
from homeport.coordination.values import ACTIVE_WINDOW, Millis, iso
from homeport.errors import ConflictError

if TYPE_CHECKING:
    from homeport.coordination.store import Records


def claim(records: Records, task: Task, instance_id: str, now: Millis) -> Task:
    """Gives a task to an instance, if it is free, for the time of a lease. Its holder may claim it again.

    Raises:
        ConflictError: somebody holds it, it is meant for somebody else, blocked, completed, or depends on
            tasks that are not.
        NotFoundError: the instance is not registered.
    """
    instance = instances.required(records, instance_id)
    task = lease_ended(records, task, now)
    if task.status in ("claimed", "in_progress"):
        if task.assigned_to == instance_id:
            return stored(records, replace(task, lease_expires_at=now + ACTIVE_WINDOW))
        until = f" until {iso(task.lease_expires_at)}" if task.lease_expires_at else ""
        raise ConflictError(
            f"Task {task.reference!r} is held by {task.assigned_to}{until}.",
            "Take another with claim_next_task.",
            holder=task.assigned_to,
        )
    if task.status != "pending":
        raise ConflictError(f"Task {task.reference!r} is {task.status}.", "Only a pending task can be claimed.")
    if task.assigned_to not in (None, instance_id):
        raise ConflictError(f"Task {task.reference!r} is assigned to {task.assigned_to}.", "Take another.")
    if task.role is not None and task.role.casefold() != instance.role.casefold():
        raise ConflictError(f"Task {task.reference!r} is for role {task.role}.", f"{instance_id} is {instance.role}.")
    open_ones = records.tasks.unfinished_dependencies(task)
    if open_ones:
        raise ConflictError(
            f"Task {task.reference!r} waits for {', '.join(open_ones)}.",
            "Complete these first, or take another with claim_next_task.",
            waits_for=open_ones,
        )
    return _taken(records, task, instance_id, now)


def claim_next(records: Records, instance_id: str, project_id: str | None, now: Millis) -> Task | None:
    """Claims the best task that the instance may take now, or gives ``None``.

    Best is: assigned to it, then by priority, then the oldest. Without a project it looks in the instance's
    own projects and at tasks of none; where it is in no project, everywhere.
    """
    instance = instances.required(records, instance_id)
    end_leases(records, now)
    if project_id is not None:
        places: tuple[str, ...] | None = (projects.required(records, project_id).id,)
    else:
        own = tuple(records.projects.projects_of(instance_id))
        places = (*own, NO_PROJECT) if own else None
    task = records.tasks.next_claimable(instance_id, instance.role, places)
    return _taken(records, task, instance_id, now) if task else None


def end_leases(records: Records, now: Millis, limit: int = 100) -> int:
    """Returns the tasks whose holders are gone to everybody; says how many."""
    ended = records.tasks.expired(now, limit)
    for task in ended:
        _given_back(records, task, now, "task.lease_ended")
    return len(ended)


def renew(records: Records, instance_id: str, now: Millis) -> None:
    """A sign of life: the leases of the instance begin anew.

    One that has ended is not renewed, whether somebody has looked at the task since or not: it goes back to all.
    """
    for task in records.tasks.held_by(instance_id):
        if task.lease_expires_at is not None and task.lease_expires_at <= now:
            _given_back(records, task, now, "task.lease_ended")
    records.tasks.renew_leases(instance_id, now + ACTIVE_WINDOW)


def give_back_all(records: Records, instance_id: str, now: Millis) -> int:
    """Returns all that an instance holds; says how many."""
    held = records.tasks.held_by(instance_id)
    for task in held:
        _given_back(records, task, now, "task.released")
    return len(held)


def _taken(records: Records, task: Task, instance_id: str, now: Millis) -> Task:
    taken = replace(
        task,
        status="claimed",
        assigned_to=instance_id,
        claimed_at=now,
        updated_at=now,
        lease_expires_at=now + ACTIVE_WINDOW,
        fence=task.fence + 1,
    )
    records.instances.touch(instance_id, now)
    project = task.project_id or None
    data = {"from": task.status, "to": "claimed", "fence": taken.fence}
    record(records, "task.claimed", now, actor=instance_id, subject=task.reference, project_id=project, data=data)
    return stored(records, taken)


def _given_back(records: Records, task: Task, now: Millis, kind: str) -> Task:
    status = "blocked" if task.status == "blocked" else "pending"
    project = task.project_id or None
    data = {"from": task.status, "to": status}
    record(records, kind, now, actor=task.assigned_to, subject=task.reference, project_id=project, data=data)
    free = replace(task, status=status, assigned_to=None, lease_expires_at=None, fence=task.fence + 1, updated_at=now)
    return stored(records, free)


def lease_ended(records: Records, task: Task, now: Millis) -> Task:
    """The task as it is once its lease, should it have ended, has been seen to end."""
    if task.holder is None:
        return task
    if task.lease_expires_at is None:
        holder = records.instances.get(task.holder)
        ended = task.status != "blocked" and (holder is None or not holder.active(now))
    else:
        ended = task.lease_expires_at <= now
    return _given_back(records, task, now, "task.lease_ended") if ended else task


def stored(records: Records, task: Task) -> Task:
    """Writes a task down and gives it back."""
    records.tasks.update(task)
    return task
