"""What is moved: every table with its columns, and a digest of all rows that is the same on both sides."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Table

from homeport.storage.schema import METADATA

_WHOLE: Final = 1 << 256


@dataclass(frozen=True, slots=True)
class MovedTable:
    """A table of the schema.

    Attributes:
        name: in the database.
        columns: those that are written; what is computed from them is computed there again.
        counter: the column that counts itself; None where none does.
    """

    name: str
    columns: tuple[str, ...]
    counter: str | None


def moved_tables(there: Mapping[str, Sequence[str]]) -> list[MovedTable]:
    """The tables of a database, of whatever revision; what another refers to comes before that one.

    Args:
        there: by name, the columns that are written.
    """
    known = {table.name: table for table in METADATA.sorted_tables}
    order = [*(name for name in known if name in there), *sorted(set(there) - set(known))]
    return [MovedTable(name, tuple(there[name]), _counter(known.get(name))) for name in order]


def _counter(table: Table | None) -> str | None:
    column = None if table is None else table.autoincrement_column
    return None if column is None else column.name


@dataclass(frozen=True, slots=True)
class Digest:
    """How many rows there are, and a number that is another where one of them is."""

    rows: int
    digest: str


class Digester:
    """Reads rows in whatever order, and adds each of them up: two tables with the same rows come to the same."""

    def __init__(self) -> None:
        self._rows = 0
        self._sum = 0

    def seen(self, rows: Iterable[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
        """Passes rows on."""
        for row in rows:
            digest = hashlib.sha256(b"\x1e".join(map(_written, row))).digest()
            self._sum = (self._sum + int.from_bytes(digest)) % _WHOLE
            self._rows += 1
            yield row

    def result(self) -> Digest:
        """Of all rows so far."""
        return Digest(self._rows, f"{self._sum:064x}")


def _written(value: object) -> bytes:
    """A value with its kind and length, so that no two rows are written the same."""
    match value:
        case None:
            return b"n"
        case str():
            text = value.encode("utf-8", "surrogatepass")
            return b"s%d:%b" % (len(text), text)
        case float():
            return f"f{value!r}".encode()
        case _:
            return f"i{value}".encode()
