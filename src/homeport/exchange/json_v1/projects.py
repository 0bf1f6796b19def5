"""Projects: ``projects/manifest.json``. Members stand in a project's metadata, where other tools put them too."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from homeport.coordination.projects import PRIORITIES, STATUSES, Project
from homeport.coordination.values import JsonObject
from homeport.exchange.json_v1.mapping import Shape
from homeport.exchange.json_v1.shapes import Context, Notes, as_text, as_texts, moment, moment_or, word

SHAPE: Final = Shape(
    {
        "name": (("name",),),
        "description": (("description",),),
        "status": (("status",),),
        "priority": (("priority",),),
        "created_at": (("created",),),
        "updated_at": (("updated",),),
        "tags": (("metadata", "tags"), ("tags",)),
    }
)
_STATUS: Final = {word: word for word in STATUSES} | {
    "done": "completed",
    "complete": "completed",
    "finished": "completed",
    "cancelled": "archived",
    "canceled": "archived",
    "paused": "on_hold",
    "in_progress": "active",
}
PRIORITY: Final = {word: word for word in PRIORITIES} | {"urgent": "critical", "normal": "medium"}


def decode(record: JsonObject, context: Context, notes: Notes) -> Project:
    """The project that a record describes."""
    created = moment_or(
        (SHAPE.read(record, "created_at"), SHAPE.read(record, "updated_at")), context.id, context.since, notes
    )
    updated = moment(SHAPE.read(record, "updated_at"))
    return Project(
        id=context.id,
        name=(as_text(SHAPE.read(record, "name")).strip() and as_text(SHAPE.read(record, "name"))) or context.id,
        description=as_text(SHAPE.read(record, "description")),
        status=word(SHAPE.read(record, "status"), _STATUS, "active", "the status", notes),
        priority=word(SHAPE.read(record, "priority"), PRIORITY, "medium", "the priority", notes),
        created_at=created,
        updated_at=created if updated is None else updated,
        tags=as_texts(SHAPE.read(record, "tags")),
        metadata=SHAPE.metadata(record),
    )


def listed_members(record: JsonObject) -> tuple[str, ...]:
    """The members that a record names, if it does."""
    metadata = record.get("metadata")
    members = metadata.get("members") if isinstance(metadata, dict) else None
    return as_texts(members) if isinstance(members, list) and all(isinstance(one, str) for one in members) else ()


def with_members(record: JsonObject, members: Sequence[str], registered: Iterable[str]) -> JsonObject:
    """The record naming these members; those it names who never registered stay. The very record if it does."""
    known = set(registered)
    listed = listed_members(record)
    kept = [name for name in listed if name in members or name not in known]
    wanted = [*kept, *(name for name in members if name not in kept)]
    if wanted == list(listed):
        return record
    metadata = record.get("metadata")
    return {**record, "metadata": {**(metadata if isinstance(metadata, dict) else {}), "members": wanted}}
