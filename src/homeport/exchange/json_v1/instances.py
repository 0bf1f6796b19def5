"""Instances: ``instances.json``."""

from __future__ import annotations

from typing import Final

from homeport.coordination.instances import Instance
from homeport.coordination.values import JsonObject
from homeport.exchange.json_v1.mapping import Shape
from homeport.exchange.json_v1.shapes import Context, Notes, as_text, as_texts, moment_or

SHAPE: Final = Shape(
    {
        "role": (("role",),),
        "status": (("status",),),
        "last_seen_at": (("last_seen",),),
        "created_at": (("created",),),
        "capabilities": (("metadata", "capabilities"),),
        "sessions": (("metadata", "session_count"),),
    },
    ignored="tasks_claimed",
)


def decode(record: JsonObject, context: Context, notes: Notes) -> Instance:
    """The instance that a record describes."""
    created, seen = SHAPE.read(record, "created_at"), SHAPE.read(record, "last_seen_at")
    sessions = SHAPE.read(record, "sessions")
    first = moment_or((created, seen), context.id, context.since, notes)
    return Instance(
        id=context.id,
        role=as_text(SHAPE.read(record, "role")) or "unknown",
        status=as_text(SHAPE.read(record, "status")) or "active",
        created_at=first,
        last_seen_at=moment_or((seen, created), context.id, context.since, Notes()),
        sessions=sessions if type(sessions) is int and 0 < sessions < 2**31 else 1,
        capabilities=as_texts(SHAPE.read(record, "capabilities")),
        metadata=SHAPE.metadata(record),
    )


def encode(instance: Instance, held: int) -> JsonObject:
    """A new record; ``held`` is how many tasks the instance holds."""
    record = SHAPE.fresh(instance.id, instance)
    metadata = record.pop("metadata")
    return {**record, "tasks_claimed": held, "metadata": metadata}
