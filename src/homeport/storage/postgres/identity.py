"""Whose data a database holds: one row, which the first server writes and every other one reads."""

from __future__ import annotations

from typing import Final

import psycopg

from homeport.contract import Identity
from homeport.storage.migrations.revisions import Schema
from homeport.storage.sql.database import Row

_THERE: Final = "SELECT to_regclass('homeport_identity'), to_regclass('alembic_version')"
_ANYTHING: Final = """
    SELECT 1 FROM pg_class
    WHERE relnamespace = CAST(current_schema() AS REGNAMESPACE) AND relkind IN ('r', 'p', 'v', 'm') LIMIT 1
"""
_MAKE: Final = """
    CREATE TABLE homeport_identity (
        single BOOLEAN CONSTRAINT pk_homeport_identity PRIMARY KEY DEFAULT true CHECK (single),
        application TEXT NOT NULL,
        environment TEXT NOT NULL,
        id TEXT NOT NULL,
        created TEXT NOT NULL,
        usable_from INTEGER NOT NULL DEFAULT 0
    )
"""
_READ: Final = "SELECT application, environment, id, created FROM homeport_identity"
_WRITE: Final = "INSERT INTO homeport_identity (application, environment, id, created) VALUES (%s, %s, %s, %s)"


def identity_in(connection: psycopg.Connection[Row]) -> Identity | None:
    """What the database says of itself; None where it says nothing."""
    [(identity, _)] = connection.execute(_THERE).fetchall()
    row = connection.execute(_READ).fetchone() if identity is not None else None
    if row is None:
        return None
    return Identity(application=row[0], environment=row[1], id=row[2], created=row[3])


def holds_anything(connection: psycopg.Connection[Row]) -> bool:
    """Whether there is a table or a view, be it whose it may."""
    return connection.execute(_ANYTHING).fetchone() is not None


def stamp(connection: psycopg.Connection[Row], identity: Identity) -> None:
    """Makes an empty database an environment's."""
    with connection.transaction():
        connection.execute(_MAKE)
        connection.execute(
            _WRITE, (identity["application"], identity["environment"], identity["id"], identity["created"])
        )


def schema_of(connection: psycopg.Connection[Row]) -> Schema:
    """The schema of a database that has an identity."""
    [(_, versions)] = connection.execute(_THERE).fetchall()
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone() if versions is not None else None
    [(usable_from,)] = connection.execute("SELECT usable_from FROM homeport_identity").fetchall()
    return Schema(row[0] if row else None, usable_from)
