"""``search``: the same words over messages, tasks, lessons and projects."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from homeport.coordination import addresses, instances
from homeport.coordination.search import KINDS, Hit, SearchKind, SearchQuery, words_of
from homeport.coordination.store import Records
from homeport.coordination.values import JsonObject, iso
from homeport.errors import InvalidError
from homeport.operations import cursors, render
from homeport.operations.budget import page
from homeport.operations.kinds import Cursor, Limit
from homeport.operations.operation import Arguments, Call, Http, Operation

PER_KIND = 5


class Search(Arguments):
    """Arguments of ``search``."""

    query: Annotated[str, Field(max_length=500, description="words; all must occur")]
    kinds: Annotated[list[SearchKind] | None, Field(description="all kinds if left out")] = None
    instance_id: Annotated[
        str | None, Field(alias="instanceId", description="only messages to or from you; all if left out")
    ] = None
    project_id: str | None = None
    limit: Limit | None = None
    cursor: Cursor | None = None


def _search(records: Records, given: Search, call: Call) -> JsonObject:
    words = words_of(given.query)
    kinds = tuple(dict.fromkeys(given.kinds or KINDS))
    before = cursors.number(given.cursor)
    if before is not None and len(kinds) != 1:
        raise InvalidError("cursor: it continues a search of one kind.", "Name that kind alone in kinds.")
    channels = None
    if given.instance_id is not None:
        instance = instances.required(records, given.instance_id)
        channels = addresses.channels_of(instance.id, instance.role, records.projects.projects_of(instance.id))
    limit = given.limit or (20 if len(kinds) == 1 else PER_KIND)
    results: list[JsonObject] = []
    more: list[str] = []
    rest: JsonObject = {}
    for kind in kinds:
        query = SearchQuery(words, kind, channels, given.instance_id, given.project_id, before, limit + 1)
        shown, rest = page(records.search(query), limit, _line, lambda hit: (hit.seq,), call.budget // len(kinds))
        results += shown
        if rest:
            more.append(kind)
    return {"results": results, **(rest if len(kinds) == 1 else render.compact(more=more))}


def _line(hit: Hit) -> JsonObject:
    return {
        "kind": hit.kind,
        **({"number": hit.seq} if hit.kind == "lesson" else {}),
        "id": hit.id,
        **render.compact(project_id=hit.project_id),
        "title": hit.title[:160],
        "snippet": hit.snippet,
        "at": iso(hit.at),
    }


OPERATIONS = (
    Operation(
        name="search",
        summary="Find messages, tasks, lessons and projects by words, newest first.",
        arguments=Search,
        work=_search,
        kind="read",
        http=Http("GET", "/search"),
        actor="instance_id",
        answer={"results": {"type": "array"}},
    ),
)
