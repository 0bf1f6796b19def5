"""${message}."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = ${repr(up_revision)}
down_revision: Final = ${repr(down_revision)}

PREVIOUS_RELEASE_CAN_RUN: Final = False


def upgrade() -> None:
    """Changes the schema."""
    ${upgrades if upgrades else "pass"}
