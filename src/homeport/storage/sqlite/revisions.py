"""The revisions of the schema that this version knows, oldest first.

Alembic knows them too, but takes a quarter of a second to load, and a server whose schema is current needs it for
nothing. A test holds the two together.
"""

from __future__ import annotations

from typing import Final

from homeport.storage.sqlite.database import Database

REVISIONS: Final = ("0001", "0002", "0003", "0004", "0005")
HEAD: Final = REVISIONS[-1]


def revision_of(database: Database) -> str | None:
    """The schema's revision, None where there is no schema."""
    statement = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'alembic_version'"
    if database.execute(statement).fetchone() is None:
        return None
    row = database.execute("SELECT version_num FROM alembic_version").fetchone()
    return row[0] if row else None
