"""Lessons: what somebody learned, found by words, by project, by kind, and by how sure they are."""

from __future__ import annotations

import asyncio
from typing import Final

from homeport.coordination.values import MAX_PAGE, JsonObject
from homeport.errors import CallError, NotFoundError
from homeport.transports.pages.view import Answer, Page, View, Visitor

ROWS: Final = 40
SURE: Final = ("0.9", "0.75", "0.5")
FILTERS: Final = ("q", "project", "type", "sure")
_MOST_TYPES: Final = 12


async def lessons(visitor: Visitor) -> Answer:
    """All lessons, the newest first; or those that the filters in the address leave."""
    asked = {name: visitor.query.get(name, "").strip() for name in FILTERS}
    projects, patterns = await asyncio.gather(
        visitor.read("get_projects", limit=MAX_PAGE),
        visitor.read("get_lesson_patterns", project_id=asked["project"]),
    )
    found: JsonObject = {"lessons": [], "total_found": 0}
    complaint: CallError | None = None
    try:
        found = await visitor.read(
            "get_lessons",
            query=asked["q"],
            project_id=asked["project"],
            lesson_types=[asked["type"]] if asked["type"] else None,
            min_confidence=_share(asked["sure"]),
            limit=ROWS,
            cursor=visitor.query.get("cursor"),
        )
    except CallError as error:
        complaint = error
    types: dict[str, int] = {}
    for one in patterns["patterns"]:
        types[one["type"]] = types.get(one["type"], 0) + one["count"]
    context = {
        "asked": asked,
        "is_filtered": any(asked.values()),
        "lessons": found["lessons"],
        "total": found["total_found"],
        "older": found.get("next_cursor"),
        "projects": projects["projects"],
        "types": sorted(types.items(), key=lambda one: (-one[1], one[0]))[:_MOST_TYPES],
        "sure": SURE,
        "complaint": complaint,
    }
    return Page("lessons.html", "Lessons", context)


def _share(text: str) -> float | str | None:
    """A share; what is none is left as it is, for the operation to say what is wrong with it."""
    try:
        return float(text) if text else None
    except ValueError:
        return text


async def lesson(visitor: Visitor) -> Answer:
    """One lesson, whole."""
    number = visitor.path["number"]
    if not (number.isascii() and number.isdigit() and len(number) < 19):
        raise NotFoundError("There is no such lesson.", "Search finds them by words.")
    one = (await visitor.read("get_lesson", number=int(number)))["lesson"]
    shown = ("id", "type", "content", "context", "confidence", "weight", "source_file", "project_id", "instance_id")
    more = {key: value for key, value in one.items() if key not in (*shown, "submission_id", "submitted")}
    return Page("lesson.html", f"Lesson {number}: {one['type']}", {"lesson": one, "number": number, "more": more})


VIEWS = (View("GET", "/lessons", lessons), View("GET", "/lessons/{number}", lesson))
