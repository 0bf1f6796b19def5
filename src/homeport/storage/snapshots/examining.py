"""What a database holds, and whether it is sound. Reads only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pysqlite3 import dbapi2

from homeport.contract import DataProblem, ProblemCode
from homeport.storage.migrations.revisions import HEAD, Schema
from homeport.storage.migrations.running import previous_can_run
from homeport.storage.snapshots.reading import open_for_reading
from homeport.storage.sql.database import Database
from homeport.storage.sqlite.database import DatabaseError, damage_told
from homeport.storage.sqlite.faults import cannot_start, primary_code
from homeport.storage.sqlite.revisions import schema_of

SQLITE_VERSION: Final[str] = dbapi2.sqlite_version
MOST_LINES: Final = 20
"""Of what a check of SQLite finds; a damaged file may have thousands."""
_TABLES: Final = """
    SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND substr(name, 1, 7) <> 'sqlite_'
"""
_REAL_TABLES: Final = "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type IN ('table', 'shadow')"
_UNOPENED: Final[dict[int, ProblemCode]] = {
    dbapi2.SQLITE_NOTADB: "not_a_database",
    dbapi2.SQLITE_CORRUPT: "damaged",
}
_NOT_COUNTED: Final = frozenset({"alembic_version", "probe"})

# Each index of words with what it is of. One row in the table of sizes stands for each that is indexed.
INDEXED: Final = {
    "message_words": "messages",
    "task_words": "tasks",
    "lesson_words": "lessons",
    "project_words": "projects",
}
MISCOUNTED: Final = """
    SELECT count(*) FROM inboxes WHERE
        total != (SELECT count(*) FROM deliveries WHERE inbox = inboxes.id AND state < 2)
        OR unread != (SELECT count(*) FROM deliveries WHERE inbox = inboxes.id AND state = 0)
"""


@dataclass
class Examination:
    """What was found."""

    identity: str | None = None
    """The id that the database itself has; a file of SQLite has none."""
    schema_version: str | None = None
    pending_migrations: list[str] = field(default_factory=list)
    previous_can_run: bool = True
    """Whether a release of the schema that is there can go on with the database after these."""
    counts: dict[str, int] = field(default_factory=dict)
    position: int | None = None
    position_at: int | None = None
    """Milliseconds since the epoch."""
    problems: list[DataProblem] = field(default_factory=list)

    def problem(self, code: ProblemCode, text: str) -> None:
        """Something is wrong."""
        self.problems.append(DataProblem(code=code, text=text))

    def judge_schema(self, schema: Schema) -> None:
        """What a database's schema means to this version."""
        self.schema_version = schema.revision
        if self.schema_version is None:
            self.problem("no_schema", "The database has no schema of Homeport's.")
        elif schema.is_usable:
            self.pending_migrations = list(schema.pending)
            self.previous_can_run = not schema.pending or previous_can_run(schema.pending)
        else:
            self.problem(
                "newer_schema",
                f"The database has schema {self.schema_version}, which is newer than {HEAD}, the newest that this"
                " version knows.",
            )


def examine(database: Database, *, deep: bool) -> Examination:
    """Looks at everything.

    Args:
        database: one that may be damaged.
        deep: also at what takes a while: 7.5 s for a gigabyte instead of 0.6.
    """
    found = Examination()
    checks: tuple[Callable[[Database, Examination], None], ...] = (_schema, _counts, _position)
    for check in (_soundness(deep=deep), *checks, *((_references, _inboxes) if deep else ()), _index(deep=deep)):
        try:
            with damage_told():
                check(database, found)
        except DatabaseError as error:
            found.problem("damaged", f"The database cannot be read everywhere: {error}.")
    return found


def look(path: Path, *, frozen: bool, deep: bool) -> Examination:
    """As :func:`examine`, also where the file cannot be opened; for ``frozen`` see :func:`open_for_reading`."""
    try:
        with open_for_reading(path, frozen=frozen) as database:
            return examine(database, deep=deep)
    except DatabaseError as error:
        found = Examination()
        found.problem(_UNOPENED.get(primary_code(error), "unreadable"), cannot_start(error, path).sentence)
        return found


def tables_of(database: Database) -> list[str]:
    """The names of the tables that hold what people and agents made, sorted."""
    return sorted(name for (name,) in database.execute(_TABLES) if name not in _NOT_COUNTED)


def _soundness(*, deep: bool) -> Callable[[Database, Examination], None]:
    def check(database: Database, found: Examination) -> None:
        for (line,) in _lines(database, deep=deep):
            if line != "ok":
                found.problem("damaged", " ".join(f"The database is damaged: {line}.".split()))

    return check


def _lines(database: Database, *, deep: bool) -> Iterator[tuple[str]]:
    """What SQLite says is wrong.

    The quick look leaves out what half of its time would go to: the index of words, of which it looks at the tables
    that it is kept in, and pages that nobody uses.
    """
    if deep:
        yield from database.execute(f"PRAGMA integrity_check({MOST_LINES})")
        return
    left = MOST_LINES
    for (name,) in database.execute(_REAL_TABLES).fetchall():
        quoted = name.replace("'", "''")
        for line in database.execute(f"PRAGMA quick_check('{quoted}')").fetchall()[:left]:
            if line[0] != "ok":
                left -= 1
                yield line
        if left <= 0:
            return


def _schema(database: Database, found: Examination) -> None:
    found.judge_schema(schema_of(database))


def _counts(database: Database, found: Examination) -> None:
    for table in tables_of(database):
        found.counts[table] = _number(database, f'SELECT count(*) FROM "{table}"')  # noqa: S608 - a name of the schema


def _position(database: Database, found: Examination) -> None:
    if "events" in found.counts:
        row = database.execute("SELECT seq, at FROM events ORDER BY seq DESC LIMIT 1").fetchone()
        found.position, found.position_at = row or (0, None)


def _references(database: Database, found: Examination) -> None:
    for table, row, parent, _ in _some(database, "PRAGMA foreign_key_check"):
        found.problem("broken_reference", f"Row {row} of {table} refers to a row of {parent} that is not there.")


def _inboxes(database: Database, found: Examination) -> None:
    if "inboxes" in found.counts and (wrong := _number(database, MISCOUNTED)):
        found.problem("counts", f"{wrong} inboxes count other messages than are in them.")


def _index(*, deep: bool) -> Callable[[Database, Examination], None]:
    def check(database: Database, found: Examination) -> None:
        for index, table in INDEXED.items():
            if table not in found.counts:
                continue
            indexed = _number(database, f"SELECT count(*) FROM {index}_docsize")  # noqa: S608 - constants
            wrong = abs(indexed - found.counts[table]) or (_strangers(database, index, table) if deep else 0)
            if wrong:
                found.problem("index", f"The index of words disagrees with {table} in {wrong} rows: search is wrong.")

    return check


def _strangers(database: Database, index: str, table: str) -> int:
    """How many rows are not indexed, or indexed and not there."""
    rows, words = f"SELECT seq FROM {table}", f"SELECT id FROM {index}_docsize"  # noqa: S608 - constants
    return sum(
        _number(database, f"SELECT count(*) FROM ({one} EXCEPT {other})")  # noqa: S608 - constants
        for one, other in ((rows, words), (words, rows))
    )


def _number(database: Database, statement: str) -> int:
    row = database.execute(statement).fetchone()
    return row[0] if row else 0


def _some(database: Database, statement: str) -> Iterator[tuple[object, ...]]:
    return (row for row, _ in zip(database.execute(statement), range(MOST_LINES), strict=False))
