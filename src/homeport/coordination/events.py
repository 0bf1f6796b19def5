"""Events: the append-only record of what happened, in order.

An event's ``seq`` is the store's position: whoever knows the last one it saw can ask for what came after,
across restarts. Waiting agents, the event feed, timelines and the history of a task all read it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from homeport.coordination.values import JsonObject, Millis

if TYPE_CHECKING:
    from homeport.coordination.store import Records


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened.

    ``kind`` is ``<noun>.<past participle>`` (``task.claimed``). ``subject`` is the id of the thing, within
    ``project_id`` where there is one. ``audience`` are the instance ids whom it concerns directly (a
    message's recipients).
    """

    seq: int
    at: Millis
    kind: str
    actor: str | None = None
    subject: str | None = None
    project_id: str | None = None
    audience: tuple[str, ...] = ()
    data: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EventFilter:
    """All conditions must hold. ``kinds`` are exact kinds or nouns (``task`` for ``task.*``)."""

    kinds: tuple[str, ...] = ()
    actor: str | None = None
    subject: str | None = None
    project_id: str | None = None


def record(
    records: Records,
    kind: str,
    now: Millis,
    *,
    actor: str | None = None,
    subject: str | None = None,
    project_id: str | None = None,
    audience: tuple[str, ...] = (),
    data: JsonObject | None = None,
) -> Event:
    """Appends an event in the same transaction as the change that it tells of."""
    return records.events.append(Event(0, now, kind, actor, subject or actor, project_id, audience, data or {}))
