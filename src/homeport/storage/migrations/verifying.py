"""What the ``verify`` of several migrations asks."""

from __future__ import annotations

import sqlalchemy as sa


def missing_tables(connection: sa.Connection, *tables: str) -> list[str]:
    """A sentence for each of these tables that is not there."""
    there = set(sa.inspect(connection).get_table_names())
    return [f"There is no table {table}." for table in tables if table not in there]
