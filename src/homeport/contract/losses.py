"""What going back to older data would lose, in numbers."""

from __future__ import annotations

from typing import TypedDict


class DataLoss(TypedDict):
    """``homeport data lost ENV --position N``: what restoring a backup of that position would lose."""

    environment: str
    position: int
    """The one that was asked for."""
    last_position: int
    comparable: bool
    """False where the backup is of other data, or of a history that these left; then everything counts."""
    since: str | None
    """When the first thing happened that would be lost; RFC 3339, UTC. None where nothing would."""
    until: str | None
    events: int
    messages: int
    tasks_created: int
    tasks_changed: int
    """Others than those that were created."""
    lessons: int
    projects: int
    instances: int
    """Registered for the first time."""
    tokens: int
    """Made; whoever has one of them is refused after the restore. Revocations are lost too, see :attr:`kinds`."""
    imported: int
    """Records of the earlier server that were imported."""
    webhooks: int
    webhooks_removed: int
    clients: int
    sign_ins: int
    """With OAuth, or renewed, as clients registered: to be done again. Of these and webhooks no event tells."""
    kinds: dict[str, int]
    """All events by kind."""
