"""Instances: agents (and people) that take part, with one identity across sessions and restarts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from homeport.coordination.values import ACTIVE_WINDOW, JsonObject, Millis, checked_name, did_you_mean
from homeport.errors import NotFoundError

if TYPE_CHECKING:
    from homeport.coordination.store import Records


@dataclass(frozen=True, slots=True)
class Instance:
    """One participant; ``status`` is what it said of itself, presence is :meth:`active`."""

    id: str
    role: str
    status: str
    created_at: Millis
    last_seen_at: Millis
    sessions: int = 1
    capabilities: tuple[str, ...] = ()
    metadata: JsonObject = field(default_factory=dict)

    def active(self, now: Millis) -> bool:
        """Seen within 15 minutes and not deactivated."""
        return self.active_since(now - ACTIVE_WINDOW)

    def active_since(self, at: Millis) -> bool:
        """Seen at that time or later, and not deactivated since."""
        return self.status != "inactive" and self.last_seen_at >= at


@dataclass(frozen=True, slots=True)
class InstanceFilter:
    """All conditions must hold; ``role`` is compared without regard to case."""

    active_since: Millis | None = None
    role: str | None = None
    status: str | None = None


def required(records: Records, instance_id: str, field: str = "instanceId") -> Instance:
    """The instance of that id.

    Raises:
        NotFoundError: nobody registered under it; the hint offers near names.
    """
    instance = records.instances.get(checked_name(instance_id, field))
    if instance is None:
        near = did_you_mean(instance_id, records.instances.ids())
        raise NotFoundError(
            f"{field}: no instance {instance_id!r} is registered.", f"Call bootstrap or register_instance first. {near}"
        )
    return instance
