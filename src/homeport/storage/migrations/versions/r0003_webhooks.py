"""Webhooks."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

from homeport.storage.columns import NUMBER, TEXT
from homeport.storage.migrations.verifying import missing_tables

revision: Final = "0003"
down_revision: Final = "0002"

PREVIOUS_RELEASE_CAN_RUN: Final = True
"""It does not know the table and goes on without it; nothing that it knows is changed."""


def upgrade() -> None:
    """Makes the table."""
    op.create_table(
        "webhooks",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("url", TEXT, nullable=False),
        sa.Column("secret", TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("kinds", TEXT, nullable=False),
        sa.Column("failures", NUMBER, nullable=False),
        sa.Column("next_attempt_at", sa.BigInteger(), nullable=False),
        sa.Column("parked_at", sa.BigInteger(), nullable=True),
        sa.Column("last_error", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_webhooks"),
    )


def verify(connection: sa.Connection) -> list[str]:
    """The table is there."""
    return missing_tables(connection, "webhooks")
