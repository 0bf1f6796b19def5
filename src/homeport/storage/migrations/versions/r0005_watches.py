"""What sessions of older clients subscribed to."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

from homeport.storage.columns import TEXT
from homeport.storage.migrations.verifying import missing_tables

revision: Final = "0005"
down_revision: Final = "0004"

PREVIOUS_RELEASE_CAN_RUN: Final = True
"""It does not know the table and goes on without it; nothing that it knows is changed."""


def upgrade() -> None:
    """Makes the table."""
    op.create_table(
        "watches",
        sa.Column("session", TEXT, nullable=False),
        sa.Column("uri", TEXT, nullable=False),
        sa.Column("client", TEXT, nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("session", "uri", name="pk_watches"),
    )
    op.create_index("ix_watches_client", "watches", ["client"])


def verify(connection: sa.Connection) -> list[str]:
    """The table is there."""
    return missing_tables(connection, "watches")
