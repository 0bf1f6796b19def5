"""Values of the domain out of whatever JSON stands in a field: the earlier server checked nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from homeport.coordination.values import MAX_NAME, JsonObject, Millis, checked_name, from_iso
from homeport.errors import InvalidError
from homeport.exchange.json_v1.jsontext import Json, dump

UNSTORABLE: Final = re.compile(r"[\x00\ud800-\udfff]")
"""NUL and lone surrogates, which databases refuse; the original keeps them."""

_MILLIS_FROM: Final = 100_000_000_000
"""Numbers above are milliseconds since 1970, below seconds."""
_LATEST: Final[Millis] = 253_402_300_799_999
_WIDEST_INT: Final = 2**63 - 1
_STAMPED_ID: Final = re.compile(r"-(\d{13})(?:-|$)")


@dataclass(slots=True)
class Notes:
    """What was odd about one record, as pairs of what it is and what became of it."""

    found: list[tuple[str, str]] = field(default_factory=list)

    def add(self, what: str, consequence: str) -> None:
        """Notes an oddity."""
        self.found.append((what, consequence))


@dataclass(frozen=True, slots=True)
class Context:
    """What a record does not say itself: its id here, whose file it lies in, and a time for want of another."""

    id: str
    owner: str = ""
    since: Millis = 0


def clean(value: Json) -> Json:
    """A JSON value that every store can keep: no NUL, no lone surrogate, no integer of over 64 bits."""
    if isinstance(value, str):
        return UNSTORABLE.sub("\ufffd", value)
    if isinstance(value, dict):
        return {clean(key): clean(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [clean(inner) for inner in value]
    if isinstance(value, int) and abs(value) > _WIDEST_INT:
        return str(value)
    return value


def as_text(value: Json) -> str:
    """A text; what is none is written as JSON, and null is empty."""
    if value is None:
        return ""
    return str(clean(value if isinstance(value, str) else dump(value)))


def as_texts(value: Json) -> tuple[str, ...]:
    """Texts, each once: of a list, or of one value."""
    if value is None or value == "":
        return ()
    many = value if isinstance(value, list) else [value]
    return tuple(dict.fromkeys(as_text(one) for one in many))


def as_object(value: Json) -> JsonObject:
    """An object that every store can keep; what is none is empty."""
    return clean(value) if isinstance(value, dict) else {}


def as_share(value: Json) -> float | None:
    """A number, where it is one."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return None


def moment(value: Json) -> Millis | None:
    """A time: RFC 3339, or a number of seconds or milliseconds; None for everything else."""
    if isinstance(value, bool):
        return None
    try:
        if isinstance(value, str):
            at = from_iso(value)
        elif isinstance(value, int | float):
            at = round(value if abs(value) > _MILLIS_FROM else value * 1000)
        else:
            return None
    except (InvalidError, ValueError, OverflowError):
        return None
    return at if 0 <= at <= _LATEST else None


def moment_or(values: Iterable[Json], identity: str, since: Millis, notes: Notes) -> Millis:
    """The first of the values that is a time; else the time in the id; else ``since``, which is noted."""
    for value in values:
        at = moment(value)
        if at is not None:
            return at
    stamp = _STAMPED_ID.search(identity)
    if stamp and int(stamp.group(1)) <= _LATEST:
        return int(stamp.group(1))
    notes.add("no time of creation that can be read", "the time of its file is taken")
    return since


def word(value: Json, table: Mapping[str, str], default: str, what: str, notes: Notes) -> str:
    """One of the domain's words for what stands there, by a table of words in lower case."""
    if value is None:
        return default
    said = as_text(value).strip().casefold().replace("-", "_").replace(" ", "_")
    found = table.get(said)
    if found is None:
        notes.add(f"{what} {as_text(value)[:40]!r} is not one that Homeport knows", f"taken as {default}")
        return default
    return found


def usable_name(name: str) -> str:
    """An id that the domain can hold: the name itself where that is one, else with other characters replaced."""
    try:
        return checked_name(str(clean(name)), "id")
    except InvalidError:
        replaced = re.sub(r"[\x00-\x1f\x7f/\\,:]", "-", str(clean(name)))[: MAX_NAME - 10].strip().strip(".")
        return replaced or "unnamed"
