"""Reads JSON that was written by somebody else, field by field, and collects all that is wrong with it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, TypeVar, cast

from homeport.environments.faults import Fault

T = TypeVar("T")

_MOST: Final = 2**63 - 1
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_RFC_3339: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})"
)


class Fields:
    """One JSON object that is being read.

    A field that is wrong is reported in ``faults`` and read as something harmless, so that reading goes on; whoever
    reads must look at ``faults`` before using anything.

    Args:
        found: what should be the object.
        path: where it stands, for the faults.
        faults: collects them.
    """

    def __init__(self, found: object, path: str, faults: list[Fault]) -> None:
        self._path = path
        self._faults = faults
        self._read: set[str] = set()
        self._found: Mapping[str, object] = {}
        if isinstance(found, dict):
            self._found = found
        else:
            self.wrong("", "must be an object")

    def wrong(self, key: str, text: str) -> None:
        """Reports a fault of one field, or with an empty key of the object."""
        self._faults.append(Fault(".".join(part for part in (self._path, key) if part), text))

    def text(self, key: str, form: Callable[[str], bool] = bool, what: str = "a text that is not empty") -> str:
        """A text for which ``form`` holds."""
        value = self._take(key)
        if isinstance(value, str) and form(value):
            return value
        self.wrong(key, f"must be {what}")
        return ""

    def maybe_text(self, key: str) -> str | None:
        """A text, or null."""
        return None if self._take(key) is None else self.text(key)

    def sha256(self, key: str) -> str:
        """64 small hexadecimal digits."""
        return self.text(
            key, lambda value: _SHA256.fullmatch(value) is not None, "the 64 hexadecimal digits of a sha256"
        )

    def moment(self, key: str) -> str:
        """A date and time of RFC 3339 that exists."""
        return self.text(key, _is_moment, "a time such as 2026-10-02T06:15:00+00:00")

    def whole(self, key: str, most: int = _MOST) -> int:
        """A whole number from 0."""
        value = self._take(key)
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most:
            return value
        self.wrong(key, f"must be a whole number from 0 to {most}")
        return 0

    def maybe_whole(self, key: str) -> int | None:
        """A whole number from 0, or null."""
        return None if self._take(key) is None else self.whole(key)

    def seconds(self, key: str) -> float:
        """A duration."""
        value = self._take(key)
        if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0 and math.isfinite(value):
            return float(value)
        self.wrong(key, "must be a number of seconds")
        return 0.0

    def flag(self, key: str) -> bool:
        """True or false."""
        value = self._take(key)
        if not isinstance(value, bool):
            self.wrong(key, "must be true or false")
        return value is True

    def numbers(self, key: str) -> dict[str, int]:
        """An object of whole numbers."""
        inner = Fields(self._take(key), self._inner(key), self._faults)
        return {name: inner.whole(name) for name in inner._found}

    def items(self, key: str, read: Callable[[Fields], T]) -> tuple[T, ...]:
        """A list of objects, each read by ``read``."""
        value = self._take(key)
        if not isinstance(value, list):
            self.wrong(key, "must be a list")
            return ()
        return tuple(
            _whole_of(Fields(one, f"{self._inner(key)}[{index}]", self._faults), read)
            for index, one in enumerate(value)
        )

    def one(self, key: str, read: Callable[[Fields], T]) -> T:
        """An object, read by ``read``."""
        return _whole_of(Fields(self._take(key), self._inner(key), self._faults), read)

    def has(self, key: str) -> bool:
        """Whether the field is there and not null."""
        return self._take(key) is not None

    def done(self) -> None:
        """Reports the fields that nobody has read: what is not understood is not believed."""
        for key in self._found:
            if key not in self._read:
                self.wrong(key, "is unknown")

    def _inner(self, key: str) -> str:
        return ".".join(part for part in (self._path, key) if part)

    def _take(self, key: str) -> object:
        self._read.add(key)
        return self._found.get(key)


def _whole_of(fields: Fields, read: Callable[[Fields], T]) -> T:
    value = read(fields)
    fields.done()
    return value


def read_json_object(text: bytes, faults: list[Fault]) -> Fields:
    """The one object of a JSON document."""
    found: object = {}
    try:
        found = json.loads(text.decode("utf-8"), object_pairs_hook=_once, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        faults.append(Fault("", f"not JSON: {error}"))
    return Fields(found, "", faults)


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object has a key twice")
    return found


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no number of JSON")


def _is_moment(text: str) -> bool:
    if _RFC_3339.fullmatch(text) is None:
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def as_json_text(document: Mapping[str, object]) -> bytes:
    """JSON for people and programs: one line a field; names that are no UTF-8 stay readable as escapes."""
    return json.dumps(cast("dict[str, object]", document), indent=1, allow_nan=False).encode() + b"\n"
