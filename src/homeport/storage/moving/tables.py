"""What is moved: every table with its columns, and a digest of all rows that is the same on both sides."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from homeport.storage.schema import METADATA

_WHOLE: Final = 1 << 256


@dataclass(frozen=True, slots=True)
class MovedTable:
    """A table of the schema.

    Attributes:
        name: in the database.
        columns: those that are written; what is computed from them is computed there again.
        key: the columns of the primary key.
        counter: the column that counts itself; None where none does.
    """

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    counter: str | None


def moved_tables() -> list[MovedTable]:
    """All tables; what another refers to comes before that one."""
    return [
        MovedTable(
            name=table.name,
            columns=tuple(column.name for column in table.columns if column.computed is None),
            key=tuple(column.name for column in table.primary_key.columns),
            counter=table.autoincrement_column.name if table.autoincrement_column is not None else None,
        )
        for table in METADATA.sorted_tables
    ]


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
