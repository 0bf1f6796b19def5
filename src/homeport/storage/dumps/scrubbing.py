"""Takes secrets, and by choice texts and names, out of a scratch database; a dump of it has no byte of them then."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from psycopg import sql

from homeport.coordination.scrub import SECRET_EVENTS, SECRET_MARKS, Policy
from homeport.storage.dumps.cluster import Cluster, Connection, told
from homeport.storage.dumps.examining import tables_of
from homeport.storage.dumps.words import reindex
from homeport.storage.postgres.nul import kept, restoring_row
from homeport.storage.snapshots.scrubbing import (
    FUNCTIONS,
    REASON,
    SECRET_TABLES,
    SOURCES,
    TREATMENTS,
    Scrubbed,
    function_of,
)
from homeport.storage.sql.codec import dump, load

_ROWS: Final = 1000
"""Read at once."""
_CHANGED: Final = sql.Identifier("homeport_scrubbed")


def scrub(cluster: Cluster, policy: Policy) -> Scrubbed:
    """Scrubs a scratch database, in one transaction.

    Raises:
        HomeportError: it is damaged, or the disk is full.
    """
    found = Scrubbed()
    what = f"The copy {cluster.name} cannot be scrubbed"
    with cluster.connected() as connection, told(what), connection.transaction():
        there = set(tables_of(connection))
        _remove(connection, there, policy, found)
        for table, columns in TREATMENTS.items():
            if table in there and (changed := _replace(connection, table, _functions(columns, policy))):
                found.changed[table] = changed
        if policy.texts and (changed := _fill_reasons(connection)):
            found.changed["events"] = found.changed.get("events", 0) + changed
        if found.changed:
            reindex(connection)
    return found


def _remove(connection: Connection, there: set[str], policy: Policy, found: Scrubbed) -> None:
    emptied = [*SECRET_TABLES, *([SOURCES] if policy.texts or policy.names else [])]
    for table in filter(there.__contains__, emptied):
        statement = sql.SQL("DELETE FROM {}").format(sql.Identifier(table))
        found.removed[table] = connection.execute(statement).rowcount
    patterns = [pattern.replace("*", "%") for pattern in SECRET_EVENTS]
    found.removed["events"] = connection.execute("DELETE FROM events WHERE kind LIKE ANY(%s)", (patterns,)).rowcount


def _functions(columns: dict[str, Any], policy: Policy) -> dict[str, str]:
    return {column: function_of(treatment, policy) for column, treatment in columns.items()}


def _replace(connection: Connection, table: str, functions: dict[str, str]) -> int:
    """Replaces what stands in columns by what a function makes of it."""
    columns = list(functions)
    where: sql.Composable = sql.SQL("true")
    if set(functions.values()) == {"without_secrets"}:
        # Most rows have none; those that may are found by the database itself.
        marks = [
            sql.SQL("strpos({}, {}) > 0").format(sql.Identifier(column), sql.Literal(mark))
            for column in columns
            for mark in SECRET_MARKS
        ]
        where = sql.SQL(" OR ").join(marks)
    made = [FUNCTIONS[functions[column]] for column in columns]

    def rows() -> Iterator[tuple[Any, ...]]:
        statement = sql.SQL("SELECT ctid::text, {} FROM {} WHERE {}").format(_listed(columns), _name(table), where)
        for place, *values in _streamed(connection, statement):
            yield place, *(function(value) for function, value in zip(made, values, strict=True))

    return _written(connection, table, columns, rows())


def _fill_reasons(connection: Connection) -> int:
    """The reasons for which instances were ended, which people wrote."""
    fill = FUNCTIONS["filled"]

    def rows() -> Iterator[tuple[Any, ...]]:
        statement = sql.SQL("SELECT ctid::text, data FROM events WHERE kind = 'instance.deactivated'")
        for place, text in _streamed(connection, statement):
            data = load(text)
            if isinstance(data, dict) and isinstance(data.get(REASON), str):
                yield place, dump({**data, REASON: fill(data[REASON])})

    return _written(connection, "events", ["data"], rows())


def _streamed(connection: Connection, statement: sql.Composed | sql.SQL) -> Iterator[tuple[Any, ...]]:
    with connection.cursor(name="homeport_scrub", row_factory=restoring_row) as cursor:
        cursor.itersize = _ROWS
        cursor.execute(statement)
        yield from cursor


def _written(connection: Connection, table: str, columns: list[str], rows: Iterator[tuple[Any, ...]]) -> int:
    """Writes new values of columns into the rows that stand at these places."""
    connection.execute(
        sql.SQL("CREATE TEMPORARY TABLE {} ON COMMIT DROP AS SELECT NULL::tid AS place, {} FROM {} LIMIT 0").format(
            _CHANGED, _listed(columns), _name(table)
        )
    )
    pending: list[tuple[Any, ...]] = []
    for row in rows:
        pending.append(row)
        if len(pending) >= _ROWS:
            _copied(connection, pending)
            pending = []
    _copied(connection, pending)
    sets = sql.SQL(", ").join(
        sql.SQL("{} = {}.{}").format(_name(column), _CHANGED, _name(column)) for column in columns
    )
    statement = sql.SQL("UPDATE {table} SET {sets} FROM {changed} WHERE {table}.ctid = {changed}.place")
    changed = connection.execute(statement.format(table=_name(table), sets=sets, changed=_CHANGED)).rowcount
    connection.execute(sql.SQL("DROP TABLE {}").format(_CHANGED))
    return changed


def _copied(connection: Connection, rows: list[tuple[Any, ...]]) -> None:
    with connection.cursor() as cursor, cursor.copy(sql.SQL("COPY {} FROM STDIN").format(_CHANGED)) as copy:
        for row in rows:
            copy.write_row(kept(row))


def _listed(columns: list[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, columns))


def _name(text: str) -> sql.Identifier:
    return sql.Identifier(text)
