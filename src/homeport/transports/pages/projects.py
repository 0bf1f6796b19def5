"""Projects: all of them, and one with its board, its list, what waits for what, and its history."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from homeport.coordination.tasks import PRIORITIES
from homeport.coordination.values import MAX_PAGE, JsonObject
from homeport.errors import CallError
from homeport.transports.pages.board import lanes, moves
from homeport.transports.pages.drawing import drawn
from homeport.transports.pages.happenings import happenings
from homeport.transports.pages.tasks import listed, name_for, path_of
from homeport.transports.pages.texts import segment
from homeport.transports.pages.view import Answer, Page, Redirect, View, Visitor

ROWS: Final = 30
REMEMBERED: Final = 100
LOOKED_AT: Final = 5
"""Pages of tasks that are looked through for what waits for what."""
DRAWN: Final = 80
"""Tasks in the picture; more of them nobody can follow."""
STATUSES: Final = ("active", "on_hold", "completed", "archived")


async def projects(visitor: Visitor) -> Answer:
    """All projects."""
    status = visitor.query.get("status", "active")
    found, stats = await asyncio.gather(
        visitor.read(
            "get_projects",
            status=status if status in STATUSES else None,
            limit=ROWS,
            cursor=visitor.query.get("cursor"),
        ),
        visitor.read("get_project_stats", by_project=True),
    )
    context = {
        "status": status,
        "statuses": STATUSES,
        "projects": [{**one, "tasks": stats["by_project"].get(one["id"], {})} for one in found["projects"]],
        "total": found["total"],
        "older": found.get("next_cursor"),
    }
    return Page("projects.html", "Projects", context)


async def project(visitor: Visitor) -> Answer:
    """One project."""
    one = (await visitor.read("get_project", id=visitor.path["id"]))["project"]
    view = visitor.query.get("view", "board")
    context: dict[str, Any] = {"project": one, "view": view, "moves": moves}
    match view:
        case "list":
            context |= await listed(visitor, one["id"])
        case "map":
            context |= await _map(visitor, one["id"])
        case "history":
            context |= await _history(visitor, one["id"])
        case _:
            context |= {"view": "board", "lanes": await lanes(visitor, one["id"])}
    return Page("project.html", one["name"], context)


async def _history(visitor: Visitor, project_id: str) -> dict[str, Any]:
    found = await visitor.read(
        "get_history", project_id=project_id, limit=REMEMBERED, cursor=visitor.query.get("cursor")
    )
    return {"history": happenings(found["events"]), "older": found.get("next_cursor")}


async def _map(visitor: Visitor, project_id: str) -> dict[str, Any]:
    """The tasks that wait for others, or that others wait for."""
    tasks: dict[str, JsonObject] = {}
    cursor, total = None, 0
    for _ in range(LOOKED_AT):
        page = await visitor.read("get_tasks", project_id=project_id, limit=MAX_PAGE, cursor=cursor)
        tasks |= {f"{project_id}/{one['id']}": one for one in page["tasks"]}
        cursor, total = page.get("next_cursor"), page["total"]
        if cursor is None:
            break
    before = {name: _full(one.get("dependencies", ()), project_id) for name, one in tasks.items()}
    foreign = [one for names in before.values() for one in names if one not in tasks][:DRAWN]
    found = await asyncio.gather(*(visitor.find("get_task", id=one) for one in dict.fromkeys(foreign)))
    for name, answer in zip(dict.fromkeys(foreign), found, strict=True):
        if answer is not None:
            tasks[name] = answer["task"]
            before.setdefault(name, [])
    chosen = connected(before)
    picture = drawn({name: before[name] for name in chosen[:DRAWN]})
    return {
        "picture": picture,
        "drawn": {name: {**tasks[name], "path": path_of(tasks[name])} for name in chosen[:DRAWN]},
        "before": {name: [one for one in before[name] if one in tasks] for name in chosen[:DRAWN]},
        "left_out": len(chosen) - DRAWN,
        "looked_at": len(tasks),
        "total": total,
    }


def _full(names: Any, project_id: str) -> list[str]:  # noqa: ANN401 - JSON values
    return [one if "/" in one else f"{project_id}/{one}" for one in names]


def connected(before: dict[str, list[str]]) -> list[str]:
    """Those that wait for another or are waited for; the one after the other of one knot."""
    near: dict[str, list[str]] = {}
    for name, others in before.items():
        for one in others:
            if one in before and one != name:
                near.setdefault(name, []).append(one)
                near.setdefault(one, []).append(name)
    found: dict[str, None] = {}
    for first in near:
        ahead = [first]
        while ahead:
            name = ahead.pop()
            if name not in found:
                found[name] = None
                ahead += near[name]
    return list(found)


async def form(visitor: Visitor, complaint: CallError | None = None) -> Answer:
    """The page on which a project is begun or changed."""
    one: JsonObject | None = None
    if "id" in visitor.path:
        one = (await visitor.read("get_project", id=visitor.path["id"]))["project"]
    known = (
        {**one, "tags": ", ".join(map(str, one["metadata"]["tags"])), "members": ", ".join(one["members"])}
        if one
        else {}
    )
    fields = ("name", "description", "priority", "status", "tags", "members")
    filled = {name: str(visitor.form.get(name, known.get(name, ""))) for name in fields}
    context = {
        "project": one,
        "filled": {**filled, "priority": filled["priority"] or "medium", "status": filled["status"] or "active"},
        "priorities": PRIORITIES,
        "statuses": STATUSES,
        "complaint": complaint,
    }
    title = f"Change {one['name']}" if one else "New project"
    return Page("project-form.html", title, context, complaint.http_status if complaint else 200)


async def create(visitor: Visitor) -> Answer:
    """Begins a project."""
    said = _written(visitor)
    members = said.pop("members") or ([visitor.name] if visitor.name else [])
    try:
        made = await visitor.write(
            "create_project",
            id=name_for(said["name"]),
            members=members,
            idempotency_key=visitor.filled("once", 80) or None,
            **{**said, "description": said["description"] or said["name"]},
        )
    except CallError as error:
        return await form(visitor, error)
    return Redirect(f"/projects/{segment(made['project']['id'])}", "created")


async def change(visitor: Visitor) -> Answer:
    """Changes a project."""
    one = (await visitor.read("get_project", id=visitor.path["id"]))["project"]
    said = _written(visitor)
    members = set(said.pop("members"))
    updates = {
        **said,
        "add_members": sorted(members - set(one["members"])),
        "remove_members": sorted(set(one["members"]) - members),
    }
    try:
        await visitor.write("update_project", id=one["id"], updates=updates)
    except CallError as error:
        return await form(visitor, error)
    return Redirect(f"/projects/{segment(one['id'])}", "changed")


def _written(visitor: Visitor) -> dict[str, Any]:
    def items(name: str) -> list[str]:
        return [one.strip() for one in visitor.filled(name, 20_000).split(",") if one.strip()]

    return {
        "name": visitor.filled("name"),
        "description": visitor.text("description"),
        "priority": visitor.filled("priority") or "medium",
        "status": visitor.filled("status") or "active",
        "tags": items("tags"),
        "members": items("members"),
    }


VIEWS = (
    View("GET", "/projects", projects),
    View("GET", "/new/project", form),
    View("POST", "/new/project", create),
    View("GET", "/projects/{id}", project),
    View("GET", "/projects/{id}/edit", form),
    View("POST", "/projects/{id}/edit", change),
)
