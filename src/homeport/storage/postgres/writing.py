"""A connection that writes: rows that nobody reads before the end of a transaction are inserted together.

Each statement is a way to the database and back, and costs the thread that writes more than it costs the database. Most
of them store rows of a few tables: these are noted, and go with the rows of all other works of the transaction, in one
statement for each table. They are stored before any statement that could see them, so nobody can tell.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Final

import psycopg

from homeport.storage.postgres.connection import PostgresDatabase, Result, is_read
from homeport.storage.postgres.locks import CHANNEL, WRITING
from homeport.storage.postgres.outcomes import Ending
from homeport.storage.postgres.standing import SCHEMA
from homeport.storage.sql.database import Cursor, Row

_NUMBERED: Final = ("messages", "tasks", "lessons", "events")
"""Tables whose rows get their ``seq`` from here."""
_LAST: Final = ", ".join(f"(SELECT last_value - CAST(NOT is_called AS INT) FROM {one}_seq_seq)" for one in _NUMBERED)  # noqa: S608 - constants
# Where the default is not to wait for the disk, a crash would lose what was acknowledged. Every other choice is the
# administrator's: all of them wait for this disk, and differ in what they ask of standbys.
_DURABLE: Final = (
    "CASE current_setting('synchronous_commit') WHEN 'off' THEN set_config('synchronous_commit', 'on', TRUE) END"
)
# One round trip. After the lock nobody else takes a number, or changes the schema. With another default of isolation
# everything would be seen as it was before the lock was waited for. READ WRITE is not said: a standby has no sentence
# of its own for that, and who made a database read-only means it.
_BEGIN: Final = (
    f"BEGIN ISOLATION LEVEL READ COMMITTED; SELECT pg_advisory_xact_lock({WRITING});"
    f" SELECT {_DURABLE}, CAST(pg_current_xact_id() AS TEXT), {SCHEMA}, {_LAST}".encode()
)


@dataclass(frozen=True, slots=True)
class Insertion:
    """A statement that inserts as many rows as it is given: what stands before them, one of them, and what follows."""

    before: str
    row: str
    after: str = ""


# One statement, also where an inbox has to be opened first.
DELIVERIES: Final = Insertion(
    "WITH new (message_seq, reader) AS (VALUES ",
    "(CAST(? AS BIGINT), CAST(? AS TEXT))",
    """), opened AS (
        INSERT INTO inboxes (reader) SELECT DISTINCT reader FROM new
        WHERE NOT EXISTS (SELECT 1 FROM inboxes WHERE inboxes.reader = new.reader) RETURNING id, reader
    )
    INSERT INTO deliveries (message_seq, inbox) SELECT new.message_seq, inbox.id FROM new
    JOIN (SELECT id, reader FROM inboxes UNION ALL SELECT id, reader FROM opened) AS inbox USING (reader)
    ORDER BY new.message_seq ON CONFLICT DO NOTHING""",
)
WORDS: Final = Insertion(
    "INSERT INTO message_words (seq, words) VALUES ",
    "(?, array_to_tsvector(string_to_array(?, ' ')))",
    " ON CONFLICT (seq) DO UPDATE SET words = excluded.words",
)

_ORDER: Final = ("messages", "deliveries", "message_words", "events")
"""What is noted, in the order in which the rows need each other."""
_SEES: Final = re.compile(rf"\b({'|'.join((*_ORDER, 'inboxes'))})\b")
_MOST_ROWS: Final = 64
"""Of one statement. There is one for each power of two up to it, so that all of them are planned once."""
_MOST_ANSWERS: Final = 1000


class Answer:
    """See :class:`homeport.storage.sql.database.Cursor`: rows that were read before."""

    __slots__ = ("_rows", "rowcount")

    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows = iter(rows)
        self.rowcount = len(rows)

    def fetchone(self) -> Row | None:
        return next(self._rows, None)

    def fetchall(self) -> list[Row]:
        return list(self._rows)

    def __iter__(self) -> Iterator[Row]:
        return self._rows


class WritingDatabase(PostgresDatabase):
    """See :class:`homeport.storage.sql.database.Database`.

    Rows are numbered here: whoever has the lock of those who write is the only one to take numbers, so they are known
    before a row is stored. The sequences are set to them at the end. For the same reason an answer of one row is still
    true when the same is asked again, until this connection changes something.

    Attributes:
        schema: of the database, as the transaction found it; see :class:`~homeport.storage.postgres.standing.Standing`.
    """

    def __init__(self, connection: psycopg.Connection[Row]) -> None:
        super().__init__(connection)
        self.schema: Row = (None, None)
        self._last: dict[str, int] = {}
        self._taken: set[str] = set()
        self._noted: dict[str, tuple[Insertion, list[Sequence[object]]]] = {}
        self._answers: dict[tuple[object, ...], list[Row]] = {}
        self._ended: Ending | None = None

    def execute(self, statement: str, values: Sequence[object] = (), /) -> Cursor:
        if self._noted and _sees_noted(statement):
            self.flush()
        if not is_read(statement):
            self._answers.clear()
            return super().execute(statement, values)
        asked = (statement, *values)
        found = self._answers.get(asked)
        if found is None:
            result = super().execute(statement, values)
            if result.rowcount > 1 or len(self._answers) >= _MOST_ANSWERS:
                return result
            found = self._answers[asked] = result.fetchall()
        return Answer(found)

    def executemany(self, statement: str, rows: Iterable[Sequence[object]], /) -> Result:
        if self._noted and _sees_noted(statement):
            self.flush()
        self._answers.clear()
        return super().executemany(statement, rows)

    def begin(self) -> Ending:
        """Begins a transaction, in which nobody else writes; by what its end can be asked for."""
        self.forget()
        self._taken = set()
        cursor = self.connection.execute(_BEGIN, prepare=False)
        while cursor.nextset():
            pass
        [(_, transaction, revision, usable_from, *last)] = cursor.fetchall()
        self.schema = revision, usable_from
        self._last = dict(zip(_NUMBERED, last, strict=True))
        return Ending(str(transaction))

    def take_number(self, table: str) -> int:
        """The ``seq`` of the next row of a table."""
        self._last[table] += 1
        self._taken.add(table)
        return self._last[table]

    def note(self, table: str, insertion: Insertion, values: Sequence[object]) -> None:
        """Inserts a row before anything looks for it; a failure is told then, or at the end."""
        known = self._noted.get(table)
        if known is None:
            known = self._noted[table] = insertion, []
        known[1].append(values)
        self.total_changes += 1

    def flush(self) -> None:
        """Inserts what is noted.

        Raises:
            psycopg.Error: a row of it is refused.
        """
        noted, self._noted = self._noted, {}
        if noted:
            self._answers.clear()
        for table in _ORDER:
            if table in noted:
                insertion, rows = noted[table]
                for piece in _pieces(rows):
                    super().execute(_statement(insertion, len(piece)), tuple(chain.from_iterable(piece)))

    def forget(self) -> None:
        """Forgets what is noted or was answered, of work that is undone."""
        self._noted = {}
        self._answers.clear()

    def commit(self, ending: Ending, last: int | None) -> None:
        """Ends the transaction; tells all servers of the event with the number ``last``.

        Raises:
            psycopg.Error: it did not end well. Where the connection was lost,
                :func:`~homeport.storage.postgres.outcomes.is_kept` knows whether it did.
        """
        statements = [f"SELECT setval('{table}_seq_seq', {self._last[table]})" for table in sorted(self._taken)]
        if last is not None:
            statements.append(f"NOTIFY {CHANNEL}, '{last}'")
        statements += [ending.leaving(self._ended), "COMMIT"]
        self.connection.execute("; ".join(statements).encode(), prepare=False)
        self._ended = ending


@lru_cache(maxsize=2000)
def _sees_noted(statement: str) -> bool:
    return _SEES.search(statement) is not None


@lru_cache(maxsize=100)
def _statement(insertion: Insertion, rows: int) -> str:
    return f"{insertion.before}{', '.join([insertion.row] * rows)}{insertion.after}"


def _pieces(rows: Sequence[Sequence[object]]) -> Iterable[Sequence[Sequence[object]]]:
    """Rows in pieces of a power of two each, the largest first."""
    begin, size = 0, _MOST_ROWS
    while begin < len(rows):
        while size > len(rows) - begin:
            size //= 2
        yield rows[begin : begin + size]
        begin += size
