"""Home: what needs me; then who is here, and what moved."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from homeport.coordination.values import ACTIVE_WINDOW, MAX_PAGE, JsonObject
from homeport.transports.pages.happenings import happenings
from homeport.transports.pages.view import Answer, Page, View, Visitor

SHOWN: Final = 6
MOVED: Final = 60
SILENT_FOR: Final = 24 * 60 * 60 * 1000
"""Milliseconds after which somebody who went silent is not missed any more."""


async def home(visitor: Visitor) -> Answer:
    """The first page."""
    blocked, overdue, dropped = await asyncio.gather(
        visitor.read("get_tasks", status="blocked", limit=SHOWN),
        visitor.read("get_tasks", overdue=True, limit=SHOWN),
        _dropped(visitor),
    )
    mine, instances, moved, counts = await asyncio.gather(
        _unread(visitor),
        visitor.read("get_instances", limit=MAX_PAGE),
        visitor.read("get_history", limit=MOVED),
        visitor.read("get_project_stats"),
    )
    active, silent = sorted_by_presence(instances["instances"], visitor.now)
    context = {
        "unread": mine,
        "blocked": blocked,
        "overdue": overdue,
        "dropped": dropped,
        "silent": silent[:SHOWN],
        "silent_total": len(silent),
        "active": active,
        "instances_total": instances["total"],
        "moved": happenings(moved["events"])[:24],
        "tasks": counts["tasks"],
        "findings": (await visitor.surveyed()).findings(visitor.look.environment),
    }
    return Page("home.html", "Home", context)


async def _unread(visitor: Visitor) -> JsonObject:
    nothing: JsonObject = {"messages": [], "unread": 0}
    if visitor.name is None:
        return nothing
    return await visitor.find("get_messages", instanceId=visitor.name, unread_only=True, limit=SHOWN) or nothing


async def _dropped(visitor: Visitor) -> list[JsonObject]:
    """Tasks whose holder went silent, and that nobody has taken up since."""
    ended = await visitor.read("get_history", kinds=["task.lease_ended"], limit=SHOWN)
    lost = {one["subject"]: one for one in reversed(ended["events"])}
    found = await asyncio.gather(*(visitor.find("get_task", id=reference) for reference in lost))
    return [
        {**one["task"], "lost_by": event.get("actor"), "lost_at": event["at"]}
        for event, one in zip(lost.values(), found, strict=True)
        if one is not None and one["task"]["status"] == "pending"
    ]


def sorted_by_presence(instances: Iterable[JsonObject], now: int) -> tuple[list[JsonObject], list[JsonObject]]:
    """Who is here, and who went silent without saying so; each the latest first."""
    latest = sorted(instances, key=lambda one: one["last_seen"], reverse=True)
    active = [one for one in latest if one["active"]]
    silent = [one for one in latest if not one["active"] and _is_missed(one, now)]
    return active, silent


def _is_missed(one: dict[str, Any], now: int) -> bool:
    ago = now - datetime.fromisoformat(one["last_seen"]).timestamp() * 1000
    return one["status"] != "inactive" and ACTIVE_WINDOW <= ago < SILENT_FOR


VIEWS = (View("GET", "/", home),)
