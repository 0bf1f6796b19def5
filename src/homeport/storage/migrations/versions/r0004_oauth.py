"""OAuth: clients, what people let them do, and the secrets that came of it."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

from homeport.storage.columns import TEXT
from homeport.storage.migrations.verifying import missing_tables

revision: Final = "0004"
down_revision: Final = "0003"

PREVIOUS_RELEASE_CAN_RUN: Final = True
"""It does not know the tables and goes on without them; nothing that it knows is changed."""


def upgrade() -> None:
    """Makes the tables."""
    op.create_table(
        "oauth_clients",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("redirect_uris", TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.Column("fetched_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_oauth_clients"),
    )
    op.create_table(
        "oauth_grants",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("client_id", TEXT, nullable=False),
        sa.Column("client_name", TEXT, nullable=False),
        sa.Column("token_id", TEXT, nullable=False),
        sa.Column("scope", TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_oauth_grants"),
    )
    op.create_table(
        "oauth_credentials",
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("grant_id", TEXT, nullable=False),
        sa.Column("client_id", TEXT, nullable=False),
        sa.Column("scope", TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.Column("data", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_oauth_credentials"),
    )
    op.create_index("ix_oauth_credentials_expires_at", "oauth_credentials", ["expires_at"])


def verify(connection: sa.Connection) -> list[str]:
    """The tables are there."""
    return missing_tables(connection, "oauth_clients", "oauth_grants", "oauth_credentials")
