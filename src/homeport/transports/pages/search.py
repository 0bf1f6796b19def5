"""Search: the same words over everything, with what was found marked."""

from __future__ import annotations

from typing import Final

from homeport.coordination.search import KINDS
from homeport.coordination.values import JsonObject
from homeport.errors import CallError
from homeport.transports.pages.texts import segment, task_path
from homeport.transports.pages.view import Answer, Page, View, Visitor

ROWS: Final = 30
EACH: Final = 8
TITLES: Final = {"message": "Messages", "task": "Tasks", "lesson": "Lessons", "project": "Projects"}


async def search(visitor: Visitor) -> Answer:
    """What was found."""
    words = visitor.query.get("q", "").strip()
    kind = visitor.query.get("kind", "")
    kinds = [kind] if kind in KINDS else None
    found: JsonObject = {"results": []}
    complaint = None
    if words:
        try:
            found = await visitor.read(
                "search",
                query=words,
                kinds=kinds,
                limit=ROWS if kinds else EACH,
                cursor=visitor.query.get("cursor") if kinds else None,
            )
        except CallError as error:
            complaint = error
    groups = [
        {"kind": one, "title": TITLES[one], "hits": hits, "more": one in found.get("more", [])}
        for one in KINDS
        if (hits := [{**hit, "link": _link(hit)} for hit in found["results"] if hit["kind"] == one])
    ]
    context = {
        "words": words,
        "kind": kind,
        "titles": TITLES,
        "groups": groups,
        "older": found.get("next_cursor"),
        "complaint": complaint,
    }
    return Page("search.html", f"{words}: search" if words else "Search", context)


def _link(hit: JsonObject) -> str:
    match hit["kind"]:
        case "message":
            return f"/inbox/{segment(hit['id'])}"
        case "task":
            project, slash, task = hit["id"].rpartition("/")
            return task_path(project if slash else None, task)
        case "lesson":
            return f"/lessons/{hit['number']}"
        case _:
            return f"/projects/{segment(hit['id'])}"


VIEWS = (View("GET", "/search", search),)
