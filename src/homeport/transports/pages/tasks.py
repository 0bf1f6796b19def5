"""Tasks: a list that filters, a board of everything, and making one."""

from __future__ import annotations

import asyncio
import re
import unicodedata
from datetime import date
from secrets import token_hex
from typing import Any, Final

from homeport.coordination.tasks import PRIORITIES
from homeport.coordination.values import MAX_PAGE, JsonObject
from homeport.errors import CallError, InvalidError
from homeport.transports.pages.board import TITLES, lanes, moves
from homeport.transports.pages.texts import task_path
from homeport.transports.pages.view import Answer, Page, Redirect, View, Visitor

ROWS: Final = 50
FILTERS: Final = ("q", "status", "priority", "assignee", "project", "overdue")
FIELDS: Final = (
    *("title", "description", "priority", "assigned_to", "role", "due", "estimated_effort", "dependencies", "tags"),
    "completion_notes",
)


async def tasks(visitor: Visitor) -> Answer:
    """All tasks: as a list, or on a board."""
    context: dict[str, Any] = {"view": visitor.query.get("view", "list"), "moves": moves}
    if context["view"] == "board":
        context["lanes"] = await lanes(visitor)
    else:
        context |= await listed(visitor)
    return Page("tasks.html", "Tasks", context)


async def listed(visitor: Visitor, project_id: str | None = None) -> dict[str, Any]:
    """What the list shows: the tasks that the filters in the address leave, and the choices there are."""
    asked = {name: visitor.query.get(name, "").strip() for name in FILTERS}
    complaint: CallError | None = None
    names = _names(visitor)
    found: JsonObject = {"tasks": [], "total": 0}
    try:
        found = await visitor.read(
            "get_tasks",
            query=asked["q"],
            status=asked["status"],
            priority=asked["priority"],
            assigned_to=asked["assignee"],
            project_id=project_id or asked["project"],
            overdue=bool(asked["overdue"]) or None,
            limit=ROWS,
            cursor=visitor.query.get("cursor"),
        )
    except CallError as error:
        complaint = error
    people, projects = await names
    return {
        "asked": asked,
        "is_filtered": any(asked.values()),
        "tasks": found["tasks"],
        "total": found["total"],
        "older": found.get("next_cursor"),
        "complaint": complaint,
        "people": people,
        "projects": projects,
        "statuses": TITLES,
        "priorities": PRIORITIES,
        "project_id": project_id,
    }


async def _names(visitor: Visitor) -> tuple[list[str], list[JsonObject]]:
    instances, projects = await asyncio.gather(
        visitor.read("get_instances", limit=MAX_PAGE), visitor.read("get_projects", limit=MAX_PAGE)
    )
    return [one["id"] for one in instances["instances"]], projects["projects"]


async def new(visitor: Visitor, complaint: CallError | None = None) -> Answer:
    """The page on which a task is made."""
    people, projects = await _names(visitor)
    filled = visitor.form or visitor.query
    context = {
        "people": people,
        "projects": projects,
        "priorities": PRIORITIES,
        "complaint": complaint,
        "filled": {
            **{name: filled.get(name, "") for name in (*FIELDS, "project")},
            "priority": filled.get("priority") or "medium",
        },
        "task": None,
    }
    return Page("task-form.html", "New task", context, complaint.http_status if complaint else 200)


async def create(visitor: Visitor) -> Answer:
    """Makes a task."""
    project = visitor.filled("project")
    try:
        said = written(visitor)
        due = said.pop("due")
        said.pop("completion_notes")
        made = await visitor.write(
            "create_task",
            id=name_for(said["title"]),
            project_id=project,
            metadata={"due": due} if due else None,
            idempotency_key=visitor.filled("once", 80) or None,
            **{**said, "description": said["description"] or said["title"]},
        )
    except CallError as error:
        return await new(visitor, error)
    return Redirect(path_of(made["task"]), "created")


def written(visitor: Visitor) -> dict[str, Any]:
    """What the form of a task says, every field of it.

    Raises:
        InvalidError: the day is none.
    """
    due = visitor.filled("due")
    try:
        due = date.fromisoformat(due).isoformat() if due else ""
    except ValueError:
        raise InvalidError(f"due: {due[:40]!r} is no day.", "Write it as 2026-12-31.") from None
    return {
        "title": visitor.filled("title"),
        "description": visitor.text("description"),
        "priority": visitor.filled("priority") or "medium",
        "assigned_to": visitor.filled("assigned_to"),
        "role": visitor.filled("role"),
        "due": due,
        "estimated_effort": visitor.filled("estimated_effort"),
        "dependencies": _items(visitor.filled("dependencies", 20_000)),
        "tags": _items(visitor.filled("tags", 20_000)),
        "completion_notes": visitor.text("completion_notes"),
    }


def _items(text: str) -> list[str]:
    return [one.strip() for one in text.split(",") if one.strip()]


def name_for(title: str) -> str:
    """An id that says something of the title and is no other task's."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:40].strip("-")
    return f"{words or 'task'}-{token_hex(2)}"


def path_of(task: JsonObject) -> str:
    """Where a task's page is."""
    return task_path(task.get("project_id"), task["id"])


VIEWS = (View("GET", "/tasks", tasks), View("GET", "/new/task", new), View("POST", "/new/task", create))
