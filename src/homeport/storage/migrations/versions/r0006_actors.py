"""Who did it: the timeline of an instance is found without a look at all events."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0006"
down_revision: Final = "0005"

PREVIOUS_RELEASE_CAN_RUN: Final = True
"""It does not know the index, which keeps itself; nothing else is changed."""


def upgrade() -> None:
    """Makes the index."""
    known = sa.text("actor IS NOT NULL")
    op.create_index("ix_events_actor", "events", ["actor"], sqlite_where=known, postgresql_where=known)


def verify(connection: sa.Connection) -> list[str]:
    """The index is there."""
    names = {one["name"] for one in sa.inspect(connection).get_indexes("events")}
    return [] if "ix_events_actor" in names else ["The index ix_events_actor is missing."]
