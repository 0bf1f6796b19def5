"""The revision of the schema that a SQLite database has."""

from __future__ import annotations

from homeport.storage.migrations.revisions import Schema
from homeport.storage.sql.database import Database


def schema_of(database: Database) -> Schema:
    """The schema of a database."""
    row = database.execute("PRAGMA user_version").fetchone()
    return Schema(revision_of(database), row[0] if row else 0)


def revision_of(database: Database) -> str | None:
    """The schema's revision, None where there is no schema."""
    statement = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'alembic_version'"
    if database.execute(statement).fetchone() is None:
        return None
    row = database.execute("SELECT version_num FROM alembic_version").fetchone()
    return row[0] if row else None
