"""Instances: who takes part, who is here, what each holds, what it said last, and all that it did."""

from __future__ import annotations

import asyncio
from typing import Final

from homeport.coordination.values import MAX_PAGE, JsonObject
from homeport.transports.pages.happenings import happenings
from homeport.transports.pages.home import sorted_by_presence
from homeport.transports.pages.view import Answer, Page, View, Visitor

LAST_WORDS: Final = 3
ROWS: Final = 60


async def instances(visitor: Visitor) -> Answer:
    """Everybody: who is here, who went silent, who signed off; by role where one is chosen."""
    role = visitor.query.get("role")
    found, claimed, busy, blocked = await asyncio.gather(
        visitor.read("get_instances", limit=MAX_PAGE, role=role, cursor=visitor.query.get("cursor")),
        *(visitor.read("get_tasks", status=one, limit=MAX_PAGE) for one in ("claimed", "in_progress", "blocked")),
    )
    everybody = found["instances"]
    active, silent = sorted_by_presence(everybody, visitor.now)
    named = {one["id"] for one in (*active, *silent)}
    held: dict[str, list[JsonObject]] = {}
    for task in (*busy["tasks"], *claimed["tasks"], *blocked["tasks"]):
        if task.get("assigned_to"):
            held.setdefault(task["assigned_to"], []).append(task)
    context = {
        "groups": [
            ("Here now", active),
            ("Gone silent", silent),
            ("Away", sorted((one for one in everybody if one["id"] not in named), key=_seen, reverse=True)),
        ],
        "held": held,
        "total": found["total"],
        "role": role,
        "roles": sorted({one["role"] for one in everybody} | ({role} if role else set()), key=str.casefold),
        "older": found.get("next_cursor"),
    }
    return Page("instances.html", "Instances", context)


def _seen(one: JsonObject) -> str:
    return str(one["last_seen"])


async def instance(visitor: Visitor) -> Answer:
    """One instance, whole."""
    name = visitor.path["id"]
    found, said, did = await asyncio.gather(
        visitor.read("get_instance", instanceId=name),
        visitor.read("get_history", kinds=["message.sent"], actor=name, limit=LAST_WORDS),
        visitor.read("get_history", actor=name, limit=ROWS, cursor=visitor.query.get("cursor")),
    )
    words = await asyncio.gather(*(visitor.find("get_message", id=one["subject"]) for one in said["events"]))
    shown = found["instance"]
    context = {
        "one": shown,
        "holds": found.get("holds", []),
        "words": [one["message"] for one in words if one is not None],
        "timeline": happenings(did["events"]),
        "older": did.get("next_cursor"),
        "notes": _notes(shown["metadata"]),
    }
    return Page("instance.html", name, context)


def _notes(metadata: JsonObject) -> list[tuple[str, str]]:
    """What an instance tells of itself, in its own words; what has a place of its own on the page is left out."""
    left_out = {"session_count", "capabilities"}
    return [(key.replace("_", " "), _said(value)) for key, value in metadata.items() if key not in left_out]


def _said(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


VIEWS = (
    View("GET", "/instances", instances),
    View("GET", "/instances/{id}", instance),
)
