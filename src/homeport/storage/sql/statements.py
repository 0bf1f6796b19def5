"""Statements put together from constant pieces; every value is bound, never written into them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from homeport.coordination.values import Page
from homeport.storage.sql.codec import dump_texts
from homeport.storage.sql.database import Dialect

LARGEST: Final = 2**63 - 1
"""The largest integer that a database keeps; positions from outside may be larger."""


def join(*pieces: str) -> str:
    """One statement of its pieces; empty ones are left out."""
    return " ".join(filter(None, pieces))


class Where:
    """Conditions that must all hold, with their values."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._conditions: list[str] = []
        self.values: list[object] = []

    def add(self, condition: str, *values: object) -> None:
        """Adds a condition and what its question marks stand for."""
        self._conditions.append(condition)
        self.values += values

    def equal(self, column: str, value: object | None) -> None:
        """``column`` has the value; ``None`` asks for nothing."""
        if value is not None:
            self.add(f"{column} = ?", value)

    def any_of(self, column: str, wanted: Sequence[str]) -> None:
        """The column's JSON list holds one of the texts at least; none wanted asks for nothing."""
        if wanted:
            had = self._dialect.each(column, "had")
            condition = f"EXISTS (SELECT 1 FROM {had} WHERE had.value {self._dialect.among()})"  # noqa: S608 - constants
            self.add(condition, dump_texts(wanted))

    def among(self, column: str, wanted: Sequence[str]) -> None:
        """The column has one of the texts; none wanted asks for nothing."""
        if wanted:
            self.add(f"{column} {self._dialect.among()}", dump_texts(wanted))

    def contains(self, column: str, text: str) -> None:
        """The column's text contains this one."""
        self.add(self._dialect.contains.format(text=column), text)

    def before(self, column: str, page: Page) -> None:
        """The rows that follow the page's position where the newest come first."""
        if page.after is not None:
            self.add(f"{column} < ?", integer(page.after[0]))

    def __str__(self) -> str:
        return f"WHERE {' AND '.join(self._conditions)}" if self._conditions else ""


def insert(table: str, names: Sequence[str]) -> str:
    """A statement that inserts one row."""
    marks = ", ".join("?" * len(names))
    return f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})"  # noqa: S608 - constants


def integer(value: int | str) -> int:
    """A position as a database can compare it."""
    return max(-LARGEST, min(int(value), LARGEST))
