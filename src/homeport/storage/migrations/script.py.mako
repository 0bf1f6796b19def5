"""${message}."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

from homeport.storage.migrations.verifying import missing_tables

revision: Final = "${up_revision}"
down_revision: Final = "${down_revision}"

PREVIOUS_RELEASE_CAN_RUN: Final = False
"""Say why it can, or why not."""


def upgrade() -> None:
    """Say what it changes."""
    raise NotImplementedError


def verify(connection: sa.Connection) -> list[str]:
    """Say what must be so from now on; each thing that is not gets a sentence."""
    return missing_tables(connection)
