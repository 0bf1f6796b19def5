"""A board: tasks in columns by status, and how one is moved from a column to another."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from homeport.coordination.progress import LEGAL
from homeport.coordination.tasks import STATUSES
from homeport.coordination.values import MAX_PAGE, JsonObject
from homeport.errors import InvalidError
from homeport.transports.pages.view import Visitor

IN_LANE: Final = 30
"""Cards of a column; the list has the rest."""
LATELY: Final = 12
"""Cards of what is completed: what came last."""
TITLES: Final = {
    "pending": "Pending",
    "claimed": "Claimed",
    "in_progress": "In progress",
    "blocked": "Blocked",
    "completed": "Completed",
}
_VERBS: Final = {
    "pending": "Put back",
    "claimed": "Take it",
    "in_progress": "Begin",
    "blocked": "Block",
    "completed": "Complete",
}


@dataclass(frozen=True, slots=True)
class Lane:
    """A column."""

    status: str
    title: str
    total: int
    tasks: list[JsonObject]


@dataclass(frozen=True, slots=True)
class Move:
    """What may be done to a task's status, as a button says it."""

    status: str
    verb: str


def moves(status: str) -> list[Move]:
    """Where a task may go from a status; that of a pending one begins with taking it."""
    ahead = (
        {"claimed", "in_progress", "completed", "blocked"} if status == "pending" else LEGAL.get(status, frozenset())
    )
    verbs = {**_VERBS, "pending": "Open again"} if status == "completed" else _VERBS
    return [Move(one, verbs[one]) for one in STATUSES if one in ahead]


async def lanes(visitor: Visitor, project_id: str | None = None) -> list[Lane]:
    """The columns of a project, or of everything."""
    found = await asyncio.gather(
        *(visitor.read("get_tasks", project_id=project_id, status=one, limit=IN_LANE) for one in STATUSES[:-1]),
        _completed(visitor, project_id),
    )
    return [Lane(one, TITLES[one], page["total"], page["tasks"]) for one, page in zip(STATUSES, found, strict=True)]


async def _completed(visitor: Visitor, project_id: str | None) -> JsonObject:
    """What was completed last; where nobody remembers when, what comes first in the list."""
    listed, moved = await asyncio.gather(
        visitor.read("get_tasks", project_id=project_id, status="completed", limit=LATELY),
        visitor.read("get_history", kinds=["task.updated"], project_id=project_id, limit=MAX_PAGE),
    )
    events = (one for one in moved["events"] if one.get("data", {}).get("to") == "completed")
    subjects = list(dict.fromkeys(str(one["subject"]) for one in events))[:LATELY]
    known = await asyncio.gather(*(visitor.find("get_task", id=anchored(subject)) for subject in subjects))
    tasks = [one["task"] for one in known if one is not None and one["task"]["status"] == "completed"]
    names = {reference_of(one) for one in tasks}
    rest = [one for one in listed["tasks"] if reference_of(one) not in names]
    return {**listed, "tasks": [*tasks, *rest][:LATELY]}


def anchored(reference: str) -> str:
    """A reference that means one task: ``project/id``, and ``/id`` where there is no project."""
    return reference if "/" in reference else f"/{reference}"


def reference_of(task: JsonObject) -> str:
    """What :func:`anchored` gives, of a task."""
    return f"{task.get('project_id', '')}/{task['id']}"


async def move(visitor: Visitor, reference: str, status: str) -> None:
    """Takes a task to a status in the visitor's name; a pending one is claimed on the way.

    Raises:
        CallError: it was refused. A task that was claimed by then stays claimed, which is what its page says.
    """
    if status not in STATUSES:
        raise InvalidError(f"status: {status!r} is none.", f"One of {', '.join(STATUSES)}.")
    me = visitor.named()
    task = (await visitor.read("get_task", id=reference))["task"]
    if task["status"] == status:
        return
    fence = None
    if status == "claimed" or (task["status"] == "pending" and status in ("in_progress", "completed")):
        fence = (await visitor.write("claim_task", id=reference, instance_id=me))["task"]["fence"]
    if status != "claimed":
        updates = {"status": status}
        await visitor.write("update_task", id=reference, updates=updates, instanceId=me, fence=fence)
