"""Search: the same words over messages, tasks, lessons and projects, newest first."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final, Literal

from homeport.coordination.values import Millis
from homeport.errors import InvalidError

SearchKind = Literal["message", "task", "lesson", "project"]
KINDS: Final[tuple[SearchKind, ...]] = ("message", "task", "lesson", "project")
MAX_WORDS: Final = 16

_WORD = re.compile(r"[^\W_]+")
"""Letters and digits: what an index of words keeps."""


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """All ``words`` must occur, in any order and case; the last one may be the beginning of a word.

    ``channels`` limits messages to those sent on one of them or by ``reader``; ``None`` looks at all.
    ``before`` continues a search of one kind: rows with a smaller ``seq``.
    """

    words: tuple[str, ...]
    kind: SearchKind
    channels: tuple[str, ...] | None = None
    reader: str | None = None
    project_id: str | None = None
    before: int | None = None
    limit: int = 10


@dataclass(frozen=True, slots=True)
class Hit:
    """One thing found; ``snippet`` is the piece of text around the words, at most some 160 characters."""

    kind: SearchKind
    seq: int
    id: str
    title: str
    snippet: str
    at: Millis
    project_id: str | None = None


def words_of(text: str) -> tuple[str, ...]:
    """The words of a question, without the query language of any index.

    Raises:
        InvalidError: it has no word, or more than :data:`MAX_WORDS`.
    """
    # Composed, so that an accent of its own does not end a word; lower() and not casefold(), which turns ß into
    # ss, while an index of words keeps it.
    words = tuple(dict.fromkeys(word.lower() for word in _WORD.findall(unicodedata.normalize("NFC", text))))
    if not words:
        raise InvalidError("query: it has no word.", "Give one or more words to look for.")
    if len(words) > MAX_WORDS:
        raise InvalidError(f"query: {len(words)} words, at most {MAX_WORDS}.", "Give fewer words.")
    return words
