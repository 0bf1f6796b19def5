"""Search over the index of words, newest first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final
from unicodedata import normalize

from homeport.coordination.addresses import Address
from homeport.coordination.search import Hit, SearchKind, SearchQuery
from homeport.storage.sqlite.codec import load
from homeport.storage.sqlite.database import Database, Row
from homeport.storage.sqlite.index import Pending, any_of
from homeport.storage.sqlite.scopes import channel_scope, project_scope, sender_scope
from homeport.storage.sqlite.statements import LARGEST, integer

ENDINGS: Final = 32
"""How many words a beginning stands for at most, in the order of the alphabet.

FTS5's own prefix questions collect every match before they give the first one; these few words are looked up one
by one, and their matches come newest first like those of any other.
"""
SNIPPET: Final = 160
"""Characters of a snippet."""

_FOUND: Final = {
    "message": """
        SELECT messages.seq, messages.id, messages.subject, messages.body, messages.created_at, messages.recipients
        FROM message_words CROSS JOIN messages ON messages.seq = message_words.rowid
        WHERE message_words MATCH ? AND message_words.rowid < ? ORDER BY message_words.rowid DESC LIMIT ?
    """,
    "task": """
        SELECT tasks.seq, tasks.id, tasks.title, tasks.description, tasks.created_at, tasks.project_id
        FROM task_words CROSS JOIN tasks ON tasks.seq = task_words.rowid
        WHERE task_words MATCH ? AND task_words.rowid < ? ORDER BY task_words.rowid DESC LIMIT ?
    """,
    "lesson": """
        SELECT lessons.seq, lessons.id, lessons.type, lessons.content || char(10) || coalesce(lessons.context, ''),
            lessons.submitted_at, lessons.project_id
        FROM lesson_words CROSS JOIN lessons ON lessons.seq = lesson_words.rowid
        WHERE lesson_words MATCH ? AND lesson_words.rowid < ? ORDER BY lesson_words.rowid DESC LIMIT ?
    """,
    "project": """
        SELECT projects.seq, projects.id, projects.name, projects.description, projects.created_at, projects.id
        FROM project_words CROSS JOIN projects ON projects.seq = project_words.rowid
        WHERE project_words MATCH ? AND project_words.rowid < ? ORDER BY project_words.rowid DESC LIMIT ?
    """,
}
_NEXT_WORD: Final = {
    "message": "SELECT term FROM message_vocabulary WHERE term >= ? LIMIT 1",
    "task": "SELECT term FROM task_vocabulary WHERE term >= ? LIMIT 1",
    "lesson": "SELECT term FROM lesson_vocabulary WHERE term >= ? LIMIT 1",
    "project": "SELECT term FROM project_vocabulary WHERE term >= ? LIMIT 1",
}


class Search:
    """Answers questions within one transaction."""

    def __init__(self, database: Database, pending: Pending) -> None:
        self._execute = database.execute
        self._pending = pending

    def hits(self, query: SearchQuery) -> Sequence[Hit]:
        """See :class:`homeport.coordination.store.Records`."""
        self._pending.flush()
        before = LARGEST if query.before is None else integer(query.before)
        rows = self._execute(_FOUND[query.kind], (self._question(query), before, query.limit))
        return [_hit(query.kind, query.words, row) for row in rows]

    def _question(self, query: SearchQuery) -> str:
        scopes: list[tuple[str, ...]] = []
        if query.kind == "message":
            if query.project_id is not None:
                scopes.append((channel_scope(Address("project", query.project_id).channel),))
            if query.channels is not None:
                own = () if query.reader is None else (sender_scope(query.reader),)
                scopes.append((*map(channel_scope, query.channels), *own))
        elif query.project_id is not None:
            scopes.append((project_scope(query.project_id),))
        return " AND ".join((question(self._execute, query.kind, query.words), *map(any_of, scopes)))


def question(execute: Callable[..., Any], kind: SearchKind, words: Sequence[str]) -> str:
    """What to ask the index of a kind: all words, the last one also as a beginning."""
    *whole, last = words
    return " AND ".join(map(any_of, [*((word,) for word in whole), (last, *_endings(execute, kind, last))]))


def _endings(execute: Callable[..., Any], kind: SearchKind, beginning: str) -> list[str]:
    """Words of the index that begin so, without the beginning itself."""
    folded = _folded(beginning)
    found: list[str] = []
    at = folded
    while len(found) <= ENDINGS:
        # A step to the next word, however many rows this one has.
        row = execute(_NEXT_WORD[kind], (at,)).fetchone()
        if row is None or not row[0].startswith(folded):
            break
        found.append(row[0])
        at = f"{row[0]}\x01"
    return [word for word in found if word != folded]


def _folded(word: str) -> str:
    """As the tokenizer writes it down: in lower case, and Latin letters without diacritics."""
    bases = ((letter, normalize("NFD", letter)[0]) for letter in word.lower())
    return "".join(base if base.isascii() else letter for letter, base in bases)


def _hit(kind: SearchKind, words: Sequence[str], row: Row) -> Hit:
    seq, id_, title, text, at, place = row
    if kind == "task" and place:
        id_ = f"{place}/{id_}"
    project_id = _project_of(place) if kind == "message" else place or None
    return Hit(kind, seq, id_, title, snippet(words, text, title), at, project_id)


def _project_of(recipients: str) -> str | None:
    addresses: list[list[Any]] = load(recipients)
    return next((value for address_kind, value in addresses if address_kind == "project"), None)


def snippet(words: Sequence[str], *texts: str) -> str:
    """The piece around the first word that is found, of the first text that has one; else the first one's beginning."""
    for text in texts:
        low = text.lower()
        found = [at for word in words if (at := low.find(word)) >= 0]
        if found:
            break
    else:
        text, found = texts[0], []
    start = max(0, min(found, default=0) - SNIPPET // 4)
    return " ".join(text[start : start + SNIPPET].split())
