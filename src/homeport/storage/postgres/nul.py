"""The one character that PostgreSQL's texts cannot have, U+0000, is kept as two others.

A private-use character that nobody types begins a pair: with ``0`` it stands for U+0000, with ``1`` for itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from psycopg import Cursor

from homeport.storage.sql.database import Row

_NUL: Final = "\x00"
_ESCAPE: Final = "\ue001"


def kept(values: Sequence[object]) -> Sequence[object]:
    """Values as they can be kept."""
    for value in values:
        if isinstance(value, str) and (_NUL in value or _ESCAPE in value):
            return [_escaped(one) if isinstance(one, str) else one for one in values]
    return values


def restoring_row(cursor: Cursor[Any]) -> Callable[[Sequence[Any]], Row]:
    """Psycopg's row factory for rows as they were before they were kept."""
    del cursor
    return restored


def restored(values: Sequence[Any]) -> Row:
    """Values as they were before they were kept."""
    for value in values:
        if isinstance(value, str) and _ESCAPE in value:
            return tuple(_unescaped(one) if isinstance(one, str) else one for one in values)
    return tuple(values)


def _escaped(text: str) -> str:
    return text.replace(_ESCAPE, f"{_ESCAPE}1").replace(_NUL, f"{_ESCAPE}0")


def _unescaped(text: str) -> str:
    return text.replace(f"{_ESCAPE}0", _NUL).replace(f"{_ESCAPE}1", _ESCAPE)
