"""Presence: how instances come, show that they are alive, and go."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from homeport.coordination import claims, messages
from homeport.coordination.addresses import EVERYBODY
from homeport.coordination.events import record
from homeport.coordination.instances import Instance, required
from homeport.coordination.values import JsonObject, Millis, checked_name, merged
from homeport.errors import InvalidError

if TYPE_CHECKING:
    from homeport.coordination.store import Records

TOUCH_EVERY: Final[Millis] = 30_000
"""A sighting is written down at most this often: reading an inbox need not cost a write each time."""


@dataclass(frozen=True, slots=True)
class Registration:
    """What an instance says of itself; ``None`` leaves what is known."""

    id: str
    role: str
    capabilities: tuple[str, ...] | None = None
    metadata: JsonObject = field(default_factory=dict)


def register(records: Records, said: Registration, now: Millis) -> tuple[Instance, bool]:
    """Registers an instance, or greets it again under the identity that it already has.

    Its id, creation time and earlier metadata stay; the role may change. Messages that waited for the id or
    for the role are delivered now.

    Returns:
        The instance, and whether it is new.
    """
    checked_name(said.id, "instanceId")
    checked_name(said.role, "role")
    if said.id.casefold() == EVERYBODY:
        raise InvalidError(f"instanceId: {said.id!r} means everybody.", "Choose a name of your own.")
    known = records.instances.get(said.id)
    if known is None:
        instance = Instance(
            said.id, said.role, "active", now, now, 1, said.capabilities or (), merged({}, said.metadata)
        )
    else:
        instance = replace(
            known,
            role=said.role,
            status="active",
            last_seen_at=max(now, known.last_seen_at),
            sessions=known.sessions + 1,
            capabilities=known.capabilities if said.capabilities is None else said.capabilities,
            metadata=merged(known.metadata, said.metadata),
        )
    records.instances.put(instance)
    claims.renew(records, instance.id, now)
    record(records, "instance.registered" if known is None else "instance.returned", now, actor=instance.id)
    if known is None or known.role.casefold() != instance.role.casefold():
        messages.deliver_waiting(records, instance, now)
    return instance, known is None


def heartbeat(records: Records, instance_id: str, status: str | None, metadata: JsonObject, now: Millis) -> Instance:
    """Marks an instance as seen now and renews the leases of all that it holds."""
    known = required(records, instance_id)
    instance = replace(
        known,
        status=status or ("active" if known.status == "inactive" else known.status),
        last_seen_at=max(now, known.last_seen_at),
        metadata=merged(known.metadata, metadata),
    )
    records.instances.put(instance)
    claims.renew(records, instance_id, now)
    if instance.status != known.status:
        record(records, "instance.status", now, actor=instance_id, data={"status": instance.status})
    return instance


def needs_touch(records: Records, instance_id: str, now: Millis) -> bool:
    """Whether a sighting of the instance is worth a write: it is known, and was last written a while ago."""
    known = records.instances.get(instance_id)
    return known is not None and now - known.last_seen_at >= TOUCH_EVERY


def touch(records: Records, instance_id: str, now: Millis) -> None:
    """Any call in an instance's name is a sign of life: seen now, leases renewed. Unknown ids are no error."""
    if needs_touch(records, instance_id, now):
        records.instances.touch(instance_id, now)
        claims.renew(records, instance_id, now)


def deactivate(records: Records, instance_id: str, reason: str | None, now: Millis) -> Instance:
    """Signs an instance off: it is no longer active, and what it holds goes back to pending at once."""
    known = required(records, instance_id)
    details = {"deactivated_reason": reason} if reason else {}
    instance = replace(known, status="inactive", metadata=merged(known.metadata, details))
    records.instances.put(instance)
    record(records, "instance.deactivated", now, actor=instance_id, data=details)
    claims.give_back_all(records, instance_id, now)
    return instance
