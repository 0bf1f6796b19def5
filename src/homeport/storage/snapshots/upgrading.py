"""Runs migrations on a copy of a database, and counts what they changed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pysqlite3 import dbapi2

from homeport.errors import CannotStartError
from homeport.storage.migrations.revisions import HEAD, Schema
from homeport.storage.snapshots.copying import copy_database, sync_file
from homeport.storage.snapshots.examining import tables_of
from homeport.storage.sql.database import Database
from homeport.storage.sqlite.migrating import migrate
from homeport.storage.sqlite.revisions import schema_of

_BEFORE: Final = "before"


@dataclass
class Upgrade:
    """What was done."""

    from_schema: str
    ran: list[str] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)
    """Rows by table that are new, gone or other than before, in the columns that were there before."""
    seconds: float = 0.0
    """Of the migrations alone: what a server would need for them."""


def upgrade(path: Path, clock: Callable[[], float] = time.monotonic) -> Upgrade:
    """Brings a database file that nobody else has open to the newest schema.

    Raises:
        DatabaseError: a migration failed; the database is as it was.
        CannotStartError: its schema is newer than this version, or not Homeport's.
        HomeportError: there is no room for the copy that it is compared with.
    """
    found = _schema(path)
    result = Upgrade(found.revision or "", list(found.pending))
    if not result.ran:
        return result
    before = path.with_name(f"{path.name}.{_BEFORE}")
    before.unlink(missing_ok=True)
    try:
        copy_database(path, before)
        began = clock()
        migrate(path)
        result.seconds = clock() - began
        result.rows = _compared(path, before)
    finally:
        before.unlink(missing_ok=True)
    sync_file(path)
    return result


def _schema(path: Path) -> Schema:
    database: Database = dbapi2.connect(str(path), isolation_level=None)
    try:
        found = schema_of(database)
        # Nobody else has it open: no log is needed, and none is left beside it.
        database.execute("PRAGMA journal_mode = DELETE").fetchall()
    finally:
        database.close()
    if not found.is_usable:
        raise CannotStartError(
            f"{path} has schema {found.revision or 'none'}, which this version does not know; it knows up to {HEAD}.",
            "Use the version that wrote it, or a newer one.",
        )
    return found


def _compared(path: Path, before: Path) -> dict[str, int]:
    database: Any = dbapi2.connect(str(path), isolation_level=None)
    try:
        database.execute(f"ATTACH ? AS {_BEFORE}", (f"{before.absolute().as_uri()}?mode=ro",))
        counted = {table: _differences(database, table) for table in tables_of(database)}
    finally:
        database.close()
    return {table: count for table, count in counted.items() if count}


def _differences(database: Database, table: str) -> int:
    """Rows that are not the same on both sides; one that was changed counts once."""
    old = _columns(database, _BEFORE, table)
    if not old:
        row = database.execute(f'SELECT count(*) FROM main."{table}"').fetchone()  # noqa: S608 - a name of the schema
        return row[0] if row else 0
    both = ", ".join(f'"{name}"' for name in _columns(database, "main", table) if name in old)
    sides = [f'SELECT {both} FROM {schema}."{table}"' for schema in ("main", _BEFORE)]  # noqa: S608 - as above
    counts = []
    for one, other in (sides, reversed(sides)):
        row = database.execute(f"SELECT count(*) FROM ({one} EXCEPT {other})").fetchone()  # noqa: S608 - as above
        counts.append(row[0] if row else 0)
    return max(counts)


def _columns(database: Database, schema: str, table: str) -> list[str]:
    return [name for (name,) in database.execute("SELECT name FROM pragma_table_info(?, ?)", (table, schema))]
