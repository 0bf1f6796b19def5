"""Migrations of another server's data: which there are, and the record of those that ran, which lies in the data."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Final

from pydantic import ConfigDict, TypeAdapter, ValidationError

from homeport.errors import CannotStartError, HomeportError

_NAME: Final = re.compile(r"[0-9]+[-_.][A-Za-z0-9._-]{1,100}")


@dataclass(frozen=True, slots=True)
class Entry:
    """A migration that ran.

    Attributes:
        name: of its file.
        at: RFC 3339, when.
        seconds: that it took.
    """

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True)

    name: str
    at: str
    seconds: float


_ADAPTER: Final = TypeAdapter(list[Entry])


def migrations_among(names: Collection[str]) -> list[str]:
    """The migrations among the names of a directory, in the order in which they run: those that begin with a number.

    Raises:
        HomeportError: two have one number.
    """
    found = sorted((name for name in names if _NAME.fullmatch(name)), key=lambda name: (_number(name), name))
    for one, other in pairwise(found):
        if _number(one) == _number(other):
            raise HomeportError(f"Two migrations have one number: {one} and {other}.", "Give the later one the next.")
    return found


def record_text(ran: Sequence[Entry]) -> str:
    """The record as it stands in its file."""
    return json.dumps([asdict(one) for one in ran], indent=2) + "\n"


def parse_record(text: bytes, where: str) -> list[Entry]:
    """Reads what :func:`record_text` wrote.

    Raises:
        CannotStartError: it is something else.
    """
    try:
        return _ADAPTER.validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        raise CannotStartError(
            f"{where} is no record of migrations: {'.'.join(map(str, first['loc'])) or 'it'}: {first['msg']}.",
            "Put the file back from a backup; nothing was changed.",
        ) from None


def _number(name: str) -> int:
    return int(re.split(r"[-_.]", name, maxsplit=1)[0])
