"""Statements put together from constant pieces; every value is bound, never written into them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from homeport.coordination.values import Page
from homeport.storage.sqlite.codec import dump_texts

LARGEST: Final = 2**63 - 1
"""The largest integer that SQLite keeps; positions from outside may be larger."""


def join(*pieces: str) -> str:
    """One statement of its pieces; empty ones are left out."""
    return " ".join(filter(None, pieces))


class Where:
    """Conditions that must all hold, with their values."""

    def __init__(self) -> None:
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
            condition = "EXISTS (SELECT 1 FROM json_each({}) WHERE value IN (SELECT value FROM json_each(?)))"
            self.add(condition.format(column), dump_texts(wanted))

    def before(self, column: str, page: Page) -> None:
        """The rows that follow the page's position where the newest come first."""
        if page.after is not None:
            self.add(f"{column} < ?", integer(page.after[0]))

    def __str__(self) -> str:
        return f"WHERE {' AND '.join(self._conditions)}" if self._conditions else ""


def integer(value: int | str) -> int:
    """A position as SQLite can compare it."""
    return max(-LARGEST, min(int(value), LARGEST))
