"""Words as SQLite's ``unicode61`` tokenizer finds them, with diacritics removed from Latin letters.

It knows the Unicode of 2012, and takes whatever came later for a letter; here that is what Unicode now says.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence

SNIPPET = 160
_FIRST_ACCENT = 0x300
_ACCENTS = 0x361F8 << 32 | 0x8029FDF
"""A bit for each combining character from U+0300 on that the tokenizer takes for an accent, as its source has it."""


def words_in(text: str) -> Iterator[str]:
    """The words of a text: runs of letters and digits, in lower case, accents gone."""
    word = ""
    for letter in text:
        if _is_accent(letter) and word:
            continue
        if unicodedata.category(letter)[0] in "LN" or unicodedata.category(letter) == "Co":
            word += _folded(letter)
        elif word:
            yield word
            word = ""
    if word:
        yield word


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


def _is_accent(letter: str) -> bool:
    at = ord(letter) - _FIRST_ACCENT
    return 0 <= at < _ACCENTS.bit_length() and bool(_ACCENTS >> at & 1)


def _folded(letter: str) -> str:
    low = letter.casefold() if len(letter.casefold()) == 1 else letter.lower()
    base = unicodedata.normalize("NFD", low)[0]
    return base if base.isascii() else low
