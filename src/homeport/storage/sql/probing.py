"""The one row that a probe of a store counts up: a number that only grows, so that several may probe at a time."""

from __future__ import annotations

from homeport.coordination.store import Records
from homeport.storage.sql.records import SqlRecords


def count_up(records: Records) -> int:
    """The number after it was counted up by one."""
    [(writes,)] = own(records).database.execute("UPDATE probe SET writes = writes + 1 RETURNING writes").fetchall()
    return int(writes)


def count(records: Records) -> int:
    """The number."""
    row = own(records).database.execute("SELECT writes FROM probe").fetchone()
    return int(row[0]) if row else 0


def own(records: Records) -> SqlRecords:
    """The records of a store of ours, which have more than the port asks for."""
    if not isinstance(records, SqlRecords):
        raise TypeError(type(records).__name__)
    return records
