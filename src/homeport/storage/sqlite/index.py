"""The index of words: one FTS5 table for each kind, whose rows carry the numbers of what they index.

A row holds the words and the :mod:`~homeport.storage.sqlite.scopes` in which it may be found. So one lookup answers
"these words, among what is mine", newest first, at a cost that does not grow with the number of matches.

The tables keep no text of their own (``content=''``) and no positions (``detail=none``); that halves their size.
The words of messages are added once for all works of a batch, by :meth:`Pending.flush`: an FTS5 table writes
a segment whenever a savepoint or a transaction ends, and many small segments are what makes it slow.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from homeport.storage.sqlite.database import Database
from homeport.storage.sqlite.scopes import MARK, project_scope

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


def any_of(words: Iterable[str]) -> str:
    """A question for one of the words at least, as FTS5 takes it for words and nothing else."""
    return "(" + " OR ".join('"' + word.replace('"', '""') + '"' for word in words) + ")"


def index_words(database: Database, kind: str, seq: int, text: str, project_id: str) -> None:
    """Adds a task, a lesson or a project to its index."""
    words = text.replace(MARK, " ")
    database.execute(_ADD[kind], (seq, f"{words}\n{project_scope(project_id)}"))


def forget_words(database: Database, kind: str, seq: int) -> None:
    """Takes it out again; what is not in the index is no error."""
    database.execute(_FORGET[kind], (seq,))


class Pending:
    """Which messages of the transaction under way are not in the index yet.

    Attributes:
        first: the smallest number of them, None when there is none; a savepoint keeps and restores it.
    """

    def __init__(self, database: Database) -> None:
        self._execute = database.execute
        self.first: int | None = None

    def added(self, seq: int) -> None:
        """A message was stored."""
        if self.first is None:
            self.first = seq

    def flush(self) -> None:
        """Adds the words of all new messages, with one statement."""
        if self.first is not None:
            self._execute(_ADD_MESSAGES, (self.first,))
            self.first = None

    def forget(self, seq: int) -> None:
        """Takes a message out of the index; its row must still be there."""
        self.flush()
        self._execute(_FORGET_MESSAGE, (seq,))


_EVERYTHING: Final = {
    "task": "SELECT seq, title || char(10) || description, project_id FROM tasks",
    "lesson": "SELECT seq, type || char(10) || content || char(10) || coalesce(context, ''), project_id FROM lessons",
    "project": "SELECT seq, name || char(10) || description, id FROM projects",
}


def reindex(database: Database) -> None:
    """Makes the index anew from what is there, so that no word is left in it that is nowhere else."""
    database.execute("INSERT INTO message_words (message_words) VALUES ('delete-all')")
    database.execute(_ADD_MESSAGES, (0,))
    for kind, statement in _EVERYTHING.items():
        database.execute(f"INSERT INTO {kind}_words ({kind}_words) VALUES ('delete-all')")  # noqa: S608 - constants
        for seq, text, project_id in database.execute(statement).fetchall():
            index_words(database, kind, seq, text, project_id)
