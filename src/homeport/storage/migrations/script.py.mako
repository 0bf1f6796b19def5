"""${message}."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = ${repr(up_revision)}
down_revision: Final = ${repr(down_revision)}

PREVIOUS_RELEASE_CAN_RUN: Final = False
"""Say why it can, or why not."""


def upgrade() -> None:
    """Say what it changes."""
    ${upgrades if upgrades else "pass"}


def verify(connection: sa.Connection) -> list[str]:
    """Say what must be so from now on; each thing that is not gets a sentence."""
    return []
