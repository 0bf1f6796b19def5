"""Cursors: opaque positions in a list, as callers carry them from one page to the next."""

from __future__ import annotations

import base64

import orjson

from homeport.errors import InvalidError

Position = tuple[int | str, ...]
_MAX = 400
_GREATEST = 2**63 - 1
"""A larger number is no position: no store has given one."""


def encode(position: Position) -> str:
    """A cursor for a position: base64url of its JSON, without padding."""
    return base64.urlsafe_b64encode(orjson.dumps(position)).rstrip(b"=").decode()


def decode(cursor: str | None, *shape: type[int | str]) -> Position | None:
    """The position of a cursor; ``None`` for none.

    Raises:
        InvalidError: it is no cursor of such a list.
    """
    if cursor is None:
        return None
    values = _values(cursor)
    if values is None or [type(value) for value in values] != list(shape) or not all(map(_possible, values)):
        raise InvalidError(
            f"cursor: {cursor[:40]!r} is not a cursor of this list.", "Give a next_cursor as it came, or none."
        )
    return tuple(values)


def _values(cursor: str) -> list[int | str] | None:
    if len(cursor) > _MAX:
        return None
    try:
        values = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        # The decoder skips what is not base64; a cursor is only what encode() made.
        return values if isinstance(values, list) and encode(tuple(values)) == cursor else None
    except ValueError:
        return None


def _possible(value: int | str) -> bool:
    return isinstance(value, str) or abs(value) <= _GREATEST


def number(cursor: str | None) -> int | None:
    """The position of a list that is ordered by one number."""
    position = decode(cursor, int)
    if position is None:
        return None
    value = position[0]
    assert isinstance(value, int)  # noqa: S101 - decode has checked the shape
    return value
