"""``get_history``: what happened, newest first; the feed tells it as it happens, this looks back."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from homeport.coordination.events import Event, EventFilter
from homeport.coordination.store import Records
from homeport.coordination.values import MAX_ITEMS, JsonObject, iso
from homeport.operations import cursors, render
from homeport.operations.budget import page
from homeport.operations.kinds import Cursor, Limit
from homeport.operations.operation import Arguments, Call, Http, Operation

_MESSAGE = "message."


class GetHistory(Arguments):
    """Arguments of ``get_history``."""

    kinds: Annotated[
        list[str] | None, Field(max_length=MAX_ITEMS, description="such as task or task.claimed; all if left out")
    ] = None
    actor: Annotated[str | None, Field(description="who did it")] = None
    subject: Annotated[str | None, Field(description="id of what it happened to")] = None
    project_id: str | None = None
    limit: Limit | None = None
    cursor: Cursor | None = None


def _history(records: Records, given: GetHistory, call: Call) -> JsonObject:
    which = EventFilter(tuple(given.kinds or ()), given.actor, given.subject, given.project_id)
    limit = given.limit or 50
    rows = records.events.recent(which, cursors.number(given.cursor), limit + 1)
    more = {"next_cursor": cursors.encode((rows[limit - 1].seq,))} if len(rows) > limit else {}
    visible = [one for one in rows[:limit] if is_visible(one, call.speaks_as)]
    shown, rest = page(visible, limit, lambda one: _line(one, call.speaks_as), lambda one: (one.seq,), call.budget)
    return {"events": shown, **(rest or more)}


def is_visible(event: Event, instance_id: str | None) -> bool:
    """Whether it may be told: who speaks as one instance sees its own messages."""
    if instance_id is None or not event.kind.startswith(_MESSAGE):
        return True
    return instance_id == event.actor or instance_id in event.audience


def _line(event: Event, instance_id: str | None) -> JsonObject:
    audience = [one for one in event.audience if instance_id in (None, one)]
    return {
        "seq": event.seq,
        "at": iso(event.at),
        "kind": event.kind,
        **render.compact(
            actor=event.actor, subject=event.subject, project_id=event.project_id, audience=audience, data=event.data
        ),
    }


OPERATIONS = (
    Operation(
        name="get_history",
        summary="What happened, newest first: to a task, in a project, by an instance.",
        arguments=GetHistory,
        work=_history,
        kind="read",
        http=Http("GET", "/history"),
        answer={"events": {"type": "array"}},
        listed=False,
    ),
)
