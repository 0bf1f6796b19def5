"""The index of words: one FTS5 table for each kind, whose rows carry the numbers of what they index.

A row holds the words and the :mod:`~homeport.storage.sql.scopes` in which it may be found. So one lookup answers
"these words, among what is mine", newest first, at a cost that does not grow with the number of matches.

The tables keep no text of their own (``content=''``) and no positions (``detail=none``); that halves their size.
The words of messages are added once for all works of a batch, by :meth:`SqliteWords.flush`: an FTS5 table writes
a segment whenever a savepoint or a transaction ends, and many small segments are what makes it slow.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final
from unicodedata import normalize

from homeport.coordination.messages import Message
from homeport.coordination.search import SearchKind
from homeport.storage.sql.database import Database
from homeport.storage.sql.scopes import MARK, project_scope

_MESSAGE_WORDS: Final = """
    SELECT seq, replace(subject, char(57344), ' ') || char(10) || replace(body, char(57344), ' ')
        || char(10) || scopes FROM messages
"""
_ADD_MESSAGES: Final = f"INSERT INTO message_words (rowid, words) {_MESSAGE_WORDS} WHERE seq >= ?"
_FORGET_MESSAGE: Final = "DELETE FROM message_words WHERE rowid = ?"

_ADD: Final = {
    "task": "INSERT INTO task_words (rowid, words) VALUES (?, ?)",
    "lesson": "INSERT INTO lesson_words (rowid, words) VALUES (?, ?)",
    "project": "INSERT INTO project_words (rowid, words) VALUES (?, ?)",
}
_FORGET: Final = {
    "task": "DELETE FROM task_words WHERE rowid = ?",
    "lesson": "DELETE FROM lesson_words WHERE rowid = ?",
    "project": "DELETE FROM project_words WHERE rowid = ?",
}


_NEXT_WORD: Final = {
    "message": "SELECT term FROM message_vocabulary WHERE term >= ? LIMIT 1",
    "task": "SELECT term FROM task_vocabulary WHERE term >= ? LIMIT 1",
    "lesson": "SELECT term FROM lesson_vocabulary WHERE term >= ? LIMIT 1",
    "project": "SELECT term FROM project_vocabulary WHERE term >= ? LIMIT 1",
}

ENDINGS: Final = 32
"""How many words a beginning stands for at most, in the order of the alphabet.

FTS5's own prefix questions collect every match before they give the first one; these few words are looked up one
by one, and their matches come newest first like those of any other.
"""


class SqliteWords:
    """See :class:`homeport.storage.sql.words.Words`.

    Attributes:
        first: the smallest number of the messages that are not in the index yet, None when there is none.
    """

    def __init__(self, database: Database) -> None:
        self._execute = database.execute
        self.first: int | None = None

    def match(self, kind: SearchKind) -> str:
        return f"{kind}_words MATCH ?"

    def any_of(self, words: Iterable[str]) -> str:
        # As FTS5 takes it for words and nothing else.
        return "(" + " OR ".join('"' + word.replace('"', '""') + '"' for word in words) + ")"

    def all_of(self, questions: Iterable[str]) -> str:
        return " AND ".join(questions)

    def question(self, kind: SearchKind, words: Sequence[str]) -> str:
        *whole, last = words
        return self.all_of(map(self.any_of, [*((word,) for word in whole), (last, *self._endings(kind, last))]))

    def add(self, kind: SearchKind, seq: int, text: str, project_id: str) -> None:
        words = text.replace(MARK, " ")
        self._execute(_ADD[kind], (seq, f"{words}\n{project_scope(project_id)}"))

    def remove(self, kind: SearchKind, seq: int) -> None:
        self._execute(_FORGET[kind], (seq,))

    def add_message(self, seq: int, message: Message, scopes: str) -> None:
        if self.first is None:
            self.first = seq

    def remove_message(self, seq: int) -> None:
        self.flush()
        self._execute(_FORGET_MESSAGE, (seq,))

    def flush(self) -> None:
        """Adds the words of all new messages, with one statement."""
        if self.first is not None:
            self._execute(_ADD_MESSAGES, (self.first,))
            self.first = None

    def mark(self) -> int | None:
        return self.first

    def restore(self, mark: int | None) -> None:
        self.first = mark

    def _endings(self, kind: SearchKind, beginning: str) -> list[str]:
        """Words of the index that begin so, without the beginning itself."""
        folded = _folded(beginning)
        found: list[str] = []
        at = folded
        while len(found) <= ENDINGS:
            # A step to the next word, however many rows this one has.
            row = self._execute(_NEXT_WORD[kind], (at,)).fetchone()
            if row is None or not row[0].startswith(folded):
                break
            found.append(row[0])
            at = f"{row[0]}\x01"
        return [word for word in found if word != folded]


def _folded(word: str) -> str:
    """As the tokenizer writes it down: in lower case, and Latin letters without diacritics."""
    bases = ((letter, normalize("NFD", letter)[0]) for letter in word.lower())
    return "".join(base if base.isascii() else letter for letter, base in bases)


_EVERYTHING: Final[dict[SearchKind, str]] = {
    "task": "SELECT seq, title || char(10) || description, project_id FROM tasks",
    "lesson": "SELECT seq, type || char(10) || content || char(10) || coalesce(context, ''), project_id FROM lessons",
    "project": "SELECT seq, name || char(10) || description, id FROM projects",
}


def reindex(database: Database) -> None:
    """Makes the index anew from what is there, so that no word is left in it that is nowhere else."""
    database.execute("INSERT INTO message_words (message_words) VALUES ('delete-all')")
    database.execute(_ADD_MESSAGES, (0,))
    words = SqliteWords(database)
    for kind, statement in _EVERYTHING.items():
        database.execute(f"INSERT INTO {kind}_words ({kind}_words) VALUES ('delete-all')")  # noqa: S608 - constants
        for seq, text, project_id in database.execute(statement).fetchall():
            words.add(kind, seq, text, project_id)
