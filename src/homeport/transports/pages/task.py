"""One task: what it is, who holds it and for how long, what it waits for, and all that happened to it."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from homeport.coordination.tasks import PRIORITIES, due_day
from homeport.coordination.values import MAX_PAGE, JsonObject
from homeport.errors import CallError
from homeport.transports.pages.board import anchored, move, moves
from homeport.transports.pages.happenings import happenings
from homeport.transports.pages.tasks import path_of, written
from homeport.transports.pages.texts import NO_PROJECT, segment, task_path
from homeport.transports.pages.view import Answer, Page, Redirect, View, Visitor

REMEMBERED: Final = 100
"""Events of its history that its page shows."""


def reference(visitor: Visitor) -> str:
    """Which task the path names."""
    project = visitor.path["project"]
    return f"{'' if project == NO_PROJECT else project}/{visitor.path['id']}"


async def task(visitor: Visitor, complaint: CallError | None = None) -> Answer:
    """Its page."""
    found = await visitor.read("get_task", id=reference(visitor))
    one = found["task"]
    name = f"{one['project_id']}/{one['id']}" if one.get("project_id") else one["id"]
    waits, history = await asyncio.gather(
        _waits(visitor, one), visitor.read("get_history", kinds=["task"], subject=name, limit=REMEMBERED)
    )
    known = {"tags", "dependencies", *(["due"] if due_day(one["metadata"]) else [])}
    context = {
        "task": one,
        "waits": waits,
        "open": found.get("waits_for", []),
        "history": [line for line in happenings(history["events"]) if line.kind.startswith("task.")],
        "has_more": "next_cursor" in history,
        "moves": moves,
        "due_on": due_day(one["metadata"]),
        "metadata": {key: value for key, value in one["metadata"].items() if key not in known},
        "complaint": complaint,
        "path": path_of(one),
    }
    return Page("task.html", one["title"], context, complaint.http_status if complaint else 200)


async def _waits(visitor: Visitor, one: JsonObject) -> list[JsonObject]:
    """The tasks that it waits for; those that are gone with their name alone."""
    names = one["metadata"]["dependencies"]
    project = one.get("project_id", "")
    full = [anchored(name) if "/" in name else f"{project}/{name}" for name in names]
    found = await asyncio.gather(*(visitor.find("get_task", id=name) for name in full))
    return [
        known["task"] if known else {"id": name, "title": name, "status": "gone"}
        for name, known in zip(names, found, strict=True)
    ]


async def moved(visitor: Visitor) -> Answer:
    """Changes its status."""
    try:
        await move(visitor, reference(visitor), visitor.filled("status", 40))
    except CallError as error:
        return await task(visitor, error)
    return Redirect(_back(visitor), "changed")


def _back(visitor: Visitor) -> str:
    """Where the form stood: on a board, or on the task's own page."""
    match visitor.form.get("back"):
        case "board":
            return "/tasks?view=board"
        case "project":
            return f"/projects/{segment(visitor.path['project'])}"
        case _:
            project = visitor.path["project"]
            return task_path(None if project == NO_PROJECT else project, visitor.path["id"])


async def edit(visitor: Visitor, complaint: CallError | None = None) -> Answer:
    """The page on which it is changed."""
    found, instances = await asyncio.gather(
        visitor.read("get_task", id=reference(visitor)), visitor.read("get_instances", limit=MAX_PAGE)
    )
    one = found["task"]
    filled = {**_as_filled(one), **{key: value for key, value in visitor.form.items() if complaint}}
    context = {
        "task": one,
        "people": [known["id"] for known in instances["instances"]],
        "projects": [],
        "priorities": PRIORITIES,
        "complaint": complaint,
        "filled": filled,
        "path": path_of(one),
    }
    return Page("task-form.html", f"Change {one['title']}", context, complaint.http_status if complaint else 200)


def _as_filled(one: JsonObject) -> dict[str, str]:
    """A task as its form has it."""
    lists = {name: ", ".join(map(str, one["metadata"][name])) for name in ("tags", "dependencies")}
    texts = ("title", "description", "priority", "assigned_to", "role", "estimated_effort", "completion_notes")
    return {**{name: str(one.get(name) or "") for name in texts}, **lists, "due": due_day(one["metadata"]) or ""}


async def change(visitor: Visitor) -> Answer:
    """Changes what the form has otherwise than the task."""
    one = (await visitor.read("get_task", id=reference(visitor)))["task"]
    try:
        updates = _differences(one, written(visitor))
        if updates:
            await visitor.write("update_task", id=reference(visitor), updates=updates, instanceId=visitor.name)
    except CallError as error:
        return await edit(visitor, error)
    return Redirect(path_of(one), "changed")


def _differences(one: JsonObject, said: dict[str, Any]) -> dict[str, Any]:
    """The fields that somebody changed. Nobody in particular is said by null."""
    said = dict(said)
    due = said.pop("due")
    known = {**one, **{name: one["metadata"][name] for name in ("tags", "dependencies")}}
    # A browser writes line ends in its own way.
    changed = {name: value for name, value in said.items() if _even(value) != _even(known.get(name) or type(value)())}
    if due != (due_day(one["metadata"]) or ""):
        changed["metadata"] = {"due": due or None}
    if changed.get("assigned_to") == "":
        changed["assigned_to"] = None
    return changed


def _even(value: object) -> object:
    return value.replace("\r\n", "\n").strip() if isinstance(value, str) else value


VIEWS = (
    View("GET", "/tasks/{project}/{id}", task),
    View("POST", "/tasks/{project}/{id}/move", moved),
    View("GET", "/tasks/{project}/{id}/edit", edit),
    View("POST", "/tasks/{project}/{id}/edit", change),
)
