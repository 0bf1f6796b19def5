"""The index of words: a ``tsvector`` for each message, task, lesson and project, in a table of its kind.

Words are told apart here and not by PostgreSQL's parser, which takes addresses and hyphenated words as one: a search
finds the same in every database. The :mod:`~homeport.storage.sql.scopes` are words among them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, cast

from homeport.coordination.messages import Message
from homeport.coordination.search import SearchKind
from homeport.storage.postgres.connection import PostgresDatabase
from homeport.storage.postgres.writing import WORDS, WritingDatabase
from homeport.storage.sql.scopes import MARK, project_scope
from homeport.storage.words import words_in

LONGEST: Final = 500
"""Characters of a word that are kept: PostgreSQL takes at most 2,046 bytes."""
MOST_BYTES: Final = 1_000_000
"""Of all different words of one text; PostgreSQL takes 1,048,575."""

_ADD: Final = """
    INSERT INTO {kind}_words (seq, words) VALUES (?, array_to_tsvector(CAST(? AS TEXT[])))
    ON CONFLICT (seq) DO UPDATE SET words = excluded.words
"""


class PostgresWords:
    """See :class:`homeport.storage.sql.words.Words`."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database
        self._execute = database.execute

    def match(self, kind: SearchKind) -> str:
        return f"{kind}_words.words @@ CAST(? AS TSQUERY)"

    def any_of(self, words: Iterable[str]) -> str:
        return f"({' | '.join(map(_asked, words))})"

    def all_of(self, questions: Iterable[str]) -> str:
        return " & ".join(questions)

    def question(self, kind: SearchKind, words: Sequence[str]) -> str:
        del kind
        *whole, last = words
        return self.all_of((*map(_asked, whole), _asked(last, beginning=True)))

    def add(self, kind: SearchKind, seq: int, text: str, project_id: str) -> None:
        self._execute(_ADD.format(kind=kind), (seq, lexemes(text, project_scope(project_id))))

    def remove(self, kind: SearchKind, seq: int) -> None:
        self._execute(f"DELETE FROM {kind}_words WHERE seq = ?", (seq,))  # noqa: S608 - a constant

    def add_message(self, seq: int, message: Message, scopes: str) -> None:
        words = " ".join(lexemes(f"{message.subject}\n{message.body}", scopes))
        cast("WritingDatabase", self._database).note("message_words", WORDS, (seq, words))

    def remove_message(self, seq: int) -> None:
        self.remove("message", seq)

    def flush(self) -> None:
        """Nothing: what is noted the database has, which keeps it from no statement that could see it."""

    def mark(self) -> int | None:
        return None

    def restore(self, mark: int | None) -> None:
        del mark


def lexemes(text: str, scopes: str) -> list[str]:
    """The different words of a text and its scopes, as they stand in the index."""
    found = dict.fromkeys(word[:LONGEST] for word in words_in(text.replace(MARK, " ")))
    if len(text) > MOST_BYTES // 4:
        found = _within_bounds(found)
    return [*found, *scopes.split()]


def _within_bounds(words: dict[str, None]) -> dict[str, None]:
    kept: dict[str, None] = {}
    left = MOST_BYTES
    for word in words:
        left -= len(word.encode()) + 1
        if left < 0:
            break
        kept[word] = None
    return kept


def _asked(word: str, *, beginning: bool = False) -> str:
    """One word as a query has it; a scope is one too, and what has no letter finds nothing."""
    if word.startswith(MARK):
        return quoted(word)
    parts = [quoted(part[:LONGEST]) for part in words_in(word)]
    if not parts:
        return quoted(MARK)
    if beginning:
        parts[-1] += ":*"
    return f"({' & '.join(parts)})"


def quoted(word: str) -> str:
    """A word as it stands in the text of a query or a vector."""
    escaped = word.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"
