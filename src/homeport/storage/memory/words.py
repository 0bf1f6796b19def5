"""Which texts have which words, by looking at all of them."""

from __future__ import annotations

from collections.abc import Sequence

from homeport.storage.words import words_in

SNIPPET = 160


def all_occur(words: Sequence[str], text: str) -> bool:
    """Whether all words occur; the last one may be the beginning of a word."""
    present = list(words_in(text))
    *whole, last = [list(words_in(word)) for word in words]
    return all(_phrase(parts, present) for parts in whole) and _phrase(last, present, prefix=True)


def snippet(words: Sequence[str], text: str) -> str:
    """A piece of the text around the first word that was looked for."""
    low = text.lower()
    found = [at for word in words if (at := low.find(word.lower())) >= 0]
    start = max(0, min(found, default=0) - SNIPPET // 4)
    return " ".join(text[start : start + SNIPPET].split())


def _phrase(parts: Sequence[str], present: Sequence[str], *, prefix: bool = False) -> bool:
    """Whether the parts stand side by side; a word such as ``a_b`` has two."""
    if not parts:
        return True
    size = len(parts)
    return any(
        list(present[at : at + size - 1]) == list(parts[:-1])
        and (present[at + size - 1].startswith(parts[-1]) if prefix else present[at + size - 1] == parts[-1])
        for at in range(len(present) - size + 1)
    )
