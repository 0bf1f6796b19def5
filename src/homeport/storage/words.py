"""Words as SQLite's ``unicode61`` tokenizer finds them, with diacritics removed from Latin letters.

It knows the Unicode of 2012, and takes whatever came later for a letter; here that is what Unicode now says.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

_PLAIN: Final = re.compile(r"[a-z0-9]+")
_FIRST_ACCENT: Final = 0x300
_ACCENTS: Final = 0x361F8 << 32 | 0x8029FDF
"""A bit for each combining character from U+0300 on that the tokenizer takes for an accent, as its source has it."""


def words_in(text: str) -> Iterator[str]:
    """The words of a text: runs of letters and digits, in lower case, accents gone."""
    return iter(_PLAIN.findall(text.lower())) if text.isascii() else _words_in(text)


def _words_in(text: str) -> Iterator[str]:
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


def _is_accent(letter: str) -> bool:
    at = ord(letter) - _FIRST_ACCENT
    return 0 <= at < _ACCENTS.bit_length() and bool(_ACCENTS >> at & 1)


def _folded(letter: str) -> str:
    low = letter.casefold() if len(letter.casefold()) == 1 else letter.lower()
    base = unicodedata.normalize("NFD", low)[0]
    return base if base.isascii() else low
