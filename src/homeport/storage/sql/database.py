"""What the records need of a database: a connection, and the pieces of SQL that are not the same everywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

Row = tuple[Any, ...]


class Cursor(Protocol):
    """The result of a statement."""

    @property
    def rowcount(self) -> int: ...
    def fetchone(self) -> Row | None: ...
    def fetchall(self) -> list[Row]: ...
    def __iter__(self) -> Iterator[Row]: ...


class Database(Protocol):
    """A connection in autocommit mode: transactions begin and end by statements of ours.

    A value stands in a statement as ``?``, which stands for nothing else.
    """

    @property
    def in_transaction(self) -> bool: ...
    @property
    def total_changes(self) -> int: ...
    def execute(self, statement: str, values: Sequence[object] = ..., /) -> Cursor: ...
    def executemany(self, statement: str, rows: Iterable[Sequence[object]], /) -> Cursor: ...
    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Dialect:
    """Pieces of SQL that differ between databases.

    Attributes:
        elements: the texts of a JSON list as a table with the columns ``key`` (their order) and ``value``; ``{list}``
            is the list, ``{name}`` the table's name.
        contains: whether the text ``{text}`` contains the value.
        then: joins tables, where the planner can be told so, in the order in which they are written.
        unindexed: stands before a condition that no index should be chosen for.
        is_due: whether a row of ``tasks`` has a day in its metadata, ``due``, that is before the value, ``YYYY-MM-DD``.
        words_row: the column of an index of words that has the number of what is indexed.
        count_messages: how many messages there are.
        deliver: delivers a message, by its ``seq``, to one reader, whose inbox it opens where there is none.
        insert: inserts a row into a table and gives its ``seq``, which is the statement's first value and not among
            those that are given.
    """

    elements: str
    contains: str
    then: str
    unindexed: str
    is_due: str
    words_row: str
    count_messages: str
    deliver: Callable[[Any, int, str], None]
    insert: Callable[[Any, str, str, Sequence[object]], int]

    def each(self, list_: str, name: str) -> str:
        """:attr:`elements` of a list, by name."""
        return self.elements.format(list=list_, name=name)

    def among(self) -> str:
        """What follows a text column that must be among those of a JSON list."""
        return f"IN (SELECT wanted.value FROM {self.each('?', 'wanted')})"  # noqa: S608 - constants
