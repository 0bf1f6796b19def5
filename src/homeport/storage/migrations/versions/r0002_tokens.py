"""Tokens."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

from homeport.storage.columns import TEXT
from homeport.storage.migrations.verifying import missing_tables

revision: Final = "0002"
down_revision: Final = "0001"

PREVIOUS_RELEASE_CAN_RUN: Final = True
"""It does not know the table and goes on without it; nothing that it knows is changed."""


def upgrade() -> None:
    """Makes the table."""
    op.create_table(
        "tokens",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("scope", TEXT, nullable=False),
        sa.Column("instance_id", TEXT, nullable=True),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.Column("last_used_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_tokens"),
    )


def verify(connection: sa.Connection) -> list[str]:
    """The table is there."""
    return missing_tables(connection, "tokens")
