"""Search over the index of words, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from homeport.coordination.addresses import Address
from homeport.coordination.search import Hit, SearchKind, SearchQuery
from homeport.storage.sql.codec import load
from homeport.storage.sql.database import Database, Dialect, Row
from homeport.storage.sql.scopes import channel_scope, project_scope, sender_scope
from homeport.storage.sql.statements import LARGEST, integer
from homeport.storage.sql.words import Words

SNIPPET: Final = 160
"""Characters of a snippet."""

_FOUND: Final[dict[SearchKind, tuple[str, tuple[str, ...]]]] = {
    "message": ("messages", ("id", "subject", "body", "created_at", "recipients")),
    "task": ("tasks", ("id", "title", "description", "created_at", "project_id")),
    "lesson": ("lessons", ("id", "type", "content || '\n' || coalesce(context, '')", "submitted_at", "project_id")),
    "project": ("projects", ("id", "name", "description", "created_at", "id")),
}
"""Table and columns of a kind: id, title, text, time, and what says where it belongs."""


class Search:
    """Answers questions within one transaction."""

    def __init__(self, database: Database, dialect: Dialect, words: Words) -> None:
        self._execute = database.execute
        self._words = words
        self._statements = {kind: _statement(kind, dialect, words) for kind in _FOUND}

    def hits(self, query: SearchQuery) -> Sequence[Hit]:
        """See :class:`homeport.coordination.store.Records`."""
        self._words.flush()
        before = LARGEST if query.before is None else integer(query.before)
        rows = self._execute(self._statements[query.kind], (self._question(query), before, query.limit))
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
        asked = self._words.question(query.kind, query.words)
        return self._words.all_of((asked, *map(self._words.any_of, scopes)))


def _statement(kind: SearchKind, dialect: Dialect, words: Words) -> str:
    table, columns = _FOUND[kind]
    seq = f"{kind}_words.{dialect.words_row}"
    return f"""
        SELECT {table}.seq, {", ".join(columns)} FROM {kind}_words {dialect.then} {table} ON {table}.seq = {seq}
        WHERE {words.match(kind)} AND {seq} < ? ORDER BY {seq} DESC LIMIT ?
    """  # noqa: S608 - constants


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
