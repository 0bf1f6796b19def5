"""The port to an index of words, of which each database has its own.

A row of it holds the words of a message, a task, a lesson or a project, and the :mod:`~homeport.storage.sql.scopes` in
which it may be found: one lookup answers "these words, among what is mine".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from homeport.coordination.messages import Message
from homeport.coordination.search import SearchKind


class Words(Protocol):
    """The index of words, within one transaction."""

    def match(self, kind: SearchKind) -> str:
        """The condition on ``<kind>_words`` whose value is a question."""

    def any_of(self, words: Iterable[str]) -> str:
        """A question for one of these words or scopes at least."""

    def all_of(self, questions: Iterable[str]) -> str:
        """A question for what all of these ask for."""

    def question(self, kind: SearchKind, words: Sequence[str]) -> str:
        """A question for all words, the last one also as a beginning."""

    def add(self, kind: SearchKind, seq: int, text: str, project_id: str) -> None:
        """Adds a task, a lesson or a project."""

    def remove(self, kind: SearchKind, seq: int) -> None:
        """Takes it out again; what is not in the index is no error."""

    def add_message(self, seq: int, message: Message, scopes: str) -> None:
        """Notes a message that was stored; :meth:`flush` adds it."""

    def remove_message(self, seq: int) -> None:
        """Takes a message out; its row must still be there."""

    def flush(self) -> None:
        """Adds what is noted; before a question for messages, and before the transaction ends."""

    def mark(self) -> int | None:
        """What :meth:`restore` needs when a savepoint is undone."""

    def restore(self, mark: int | None) -> None:
        """Forgets what was noted since; None forgets everything."""
