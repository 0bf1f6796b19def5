"""JSON as text: read strictly, with the line and column of what is wrong; written so that nothing is lost."""

from __future__ import annotations

import json
import math
import re
from typing import Any, Final, NoReturn

Json = Any
"""Any JSON value, as Python reads it."""

Step = str | int
"""A key or an index on the way to a value."""

MAX_DEPTH: Final = 100
_BLANK: Final = re.compile(r"[ \t\n\r]*")
_DECODER: Final = json.JSONDecoder()


class BrokenJsonError(ValueError):
    """A text that is not JSON, or that is JSON which would lose something when read."""

    def __init__(self, what: str, line: int, column: int) -> None:
        super().__init__(f"line {line}, column {column}: {what}")
        self.what = what
        self.line = line
        self.column = column


class _SuspectError(ValueError):
    """Something is wrong at a place that the fast reader does not know."""


def parse(text: str) -> Json:
    """The value of a JSON text.

    Raises:
        BrokenJsonError: not JSON; a key that stands twice in one object, a number that no float can hold,
            ``NaN`` or ``Infinity``, or more than :data:`MAX_DEPTH` levels.
    """
    try:
        value = json.loads(
            text, object_pairs_hook=_object, parse_constant=_refuse_constant, parse_float=_float, parse_int=_int
        )
        _refuse_depth(value)
    except json.JSONDecodeError as error:
        raise BrokenJsonError(f"not JSON: {error.msg}", error.lineno, error.colno) from None
    except (_SuspectError, RecursionError) as error:
        raise _Search(text).found(str(error)) from None
    return value


def dump(value: Json) -> str:
    """JSON text of a value, compact; a lone surrogate stays as the escape that it came as."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":"), allow_nan=False)
    return text


def pretty(value: Json) -> bytes:
    """A file's content as the earlier server wrote it: two blanks an indent, no newline at the end."""
    text = json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False)
    try:
        return text.encode()
    except UnicodeEncodeError:
        return json.dumps(value, indent=2, allow_nan=False).encode()


def locate(text: str, steps: tuple[Step, ...]) -> tuple[int, int]:
    """Line and column of the value at the end of ``steps`` in a text that is JSON; of the last one that is there."""
    at = _skip(text, 0)
    for step in steps:
        inner = _child(text, at, step)
        if inner is None:
            break
        at = inner
    return _line_column(text, at)


def shown(steps: tuple[Step, ...]) -> str:
    """A path as people write it: ``messages[3].id``."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return text.removeprefix(".") or "the whole file"


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _SuspectError("twice")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise _SuspectError(name)


def _float(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise _SuspectError(digits)
    return value


def _int(digits: str) -> int:
    if len(digits) > 1000:
        raise _SuspectError(digits[:20])
    return int(digits)


def _refuse_depth(value: Json) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for one in level
            if isinstance(one, dict | list)
            for inner in (one.values() if isinstance(one, dict) else one)
        ]
        if not level:
            return
    raise _SuspectError("deep")


def _skip(text: str, at: int) -> int:
    blank = _BLANK.match(text, at)
    return blank.end() if blank else at


def _line_column(text: str, at: int) -> tuple[int, int]:
    return text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)


def _child(text: str, at: int, step: Step) -> int | None:
    """Where the child of the object or list at ``at`` begins; None where there is none."""
    is_object = isinstance(step, str)
    if text[at] != ("{" if is_object else "["):
        return None
    index = 0
    at = _skip(text, at + 1)
    while text[at] not in "]}":
        name: Step = index
        if is_object:
            name, at = _DECODER.raw_decode(text, at)
            at = _skip(text, _skip(text, at) + 1)
        if name == step:
            return at
        _, at = _DECODER.raw_decode(text, at)
        at = _skip(text, at)
        if text[at] == ",":
            at = _skip(text, at + 1)
        index += 1
    return None


class _Search:
    """Walks a text that the fast reader refused, to say where and why; slow, and only then run."""

    _PIECE = re.compile(r"[{}\[\],:]|-?(?:\d[\d.eE+-]*|Infinity)|NaN|true|false|null")

    def __init__(self, text: str) -> None:
        self._text = text
        self._keys: list[set[str] | None] = []

    def found(self, reason: str) -> BrokenJsonError:
        """The error, at the first place that explains it."""
        at = _skip(self._text, 0)
        while at < len(self._text):
            if self._text[at] == '"':
                begin = at
                word, at = _DECODER.raw_decode(self._text, at)
                at = _skip(self._text, at)
                wrong = self._key(word) if self._text[at : at + 1] == ":" else None
            else:
                piece = self._PIECE.match(self._text, at)
                if piece is None:
                    break
                begin, at = at, _skip(self._text, piece.end())
                wrong = self._other(piece.group())
            if wrong:
                return BrokenJsonError(wrong, *_line_column(self._text, begin))
            at = _skip(self._text, at)
        return BrokenJsonError(f"it cannot be read ({reason})", 1, 1)

    def _key(self, word: str) -> str | None:
        keys = self._keys[-1]
        if keys is None:
            return None
        if word in keys:
            return f"the key {word!r} stands twice in one object, and one of the two values would be lost"
        keys.add(word)
        return None

    def _other(self, piece: str) -> str | None:
        if piece in "{[":
            self._keys.append(set() if piece == "{" else None)
            return f"more than {MAX_DEPTH} levels of objects and lists" if len(self._keys) > MAX_DEPTH else None
        if piece in "}]":
            self._keys.pop()
            return None
        if piece[-1] in "yN":
            return f"{piece} is not JSON"
        if (piece[0] == "-" or piece[0].isdigit()) and not _is_number(piece):
            return f"the number {piece[:20]} is out of range"
        return None


def _is_number(piece: str) -> bool:
    try:
        return math.isfinite(float(piece)) and len(piece) <= 1000
    except (ValueError, OverflowError):
        return False
