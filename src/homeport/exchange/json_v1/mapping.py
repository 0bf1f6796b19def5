"""Which field of a value stands where in a record, and how a changed value goes back into its record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol

from homeport.coordination.values import JsonObject, iso
from homeport.exchange.json_v1.jsontext import Json
from homeport.exchange.json_v1.shapes import as_object

Place = tuple[str, ...]
"""One or two keys: a field of the record, or of its metadata."""

_METADATA: Final = "metadata"


class Value(Protocol):
    """A value of the domain with metadata."""

    @property
    def metadata(self) -> JsonObject: ...


class Shape:
    """The places of a noun's fields in its records.

    Args:
        places: field -> where it may stand, the usual place first.
        optional: fields that a new record has only when there is something to say.
        ignored: keys of the record that are no field and no metadata either.
    """

    def __init__(
        self, places: Mapping[str, tuple[Place, ...]], *, optional: frozenset[str] = frozenset(), ignored: str = ""
    ) -> None:
        self._places = places
        self._optional = optional
        every = {place for options in places.values() for place in options}
        self._known = {place[0] for place in every} | {_METADATA, "id", *ignored.split()}
        self._taken = {place[1] for place in every if len(place) > 1}

    def read(self, record: JsonObject, field: str) -> Json:
        """What stands for a field; None where nothing does."""
        return _get(record, self._where(record, field))

    def metadata(self, record: JsonObject) -> JsonObject:
        """The record's metadata and unknown keys, without what has a field of its own."""
        beside = as_object({key: value for key, value in record.items() if key not in self._known})
        within = as_object(record.get(_METADATA))
        return {**beside, **{key: value for key, value in within.items() if key not in self._taken}}

    def patched(self, record: JsonObject, before: Value, after: Value) -> JsonObject:
        """The record with what differs between two values; the very record where nothing does.

        ``before`` is what the record was read as, so that whatever was not understood then stays as it is.
        """
        changes: list[tuple[Place, Json]] = []
        for field in self._places:
            new = getattr(after, field)
            if new != getattr(before, field):
                changes.append((self._where(record, field), encoded(field, new)))
        beside = set(record) - self._known
        within = record.get(_METADATA)
        for key in dict.fromkeys([*before.metadata, *after.metadata]):
            new = after.metadata.get(key)
            if new != before.metadata.get(key):
                at_top = key in beside and not (isinstance(within, dict) and key in within)
                changes.append(((key,) if at_top else (_METADATA, key), new if key in after.metadata else _GONE))
        if not changes:
            return record
        result = {**record, **({_METADATA: dict(within)} if isinstance(within, dict) else {})}
        for place, new in changes:
            _put(result, place, new)
        return result

    def fresh(self, identity: str, value: Value) -> JsonObject:
        """A new record, as the earlier server would write it."""
        result: JsonObject = {"id": identity}
        last: JsonObject = {}
        for field, options in self._places.items():
            content = getattr(value, field)
            if field in self._optional:
                if content not in (None, ()):
                    _put(last, options[0], encoded(field, content))
            else:
                _put(result, options[0], encoded(field, content))
        metadata = {**result.pop(_METADATA, {}), **last.pop(_METADATA, {}), **value.metadata}
        return {**result, _METADATA: metadata, **last}

    def _where(self, record: JsonObject, field: str) -> Place:
        options = self._places[field]
        said = [place for place in options if _get(record, place) is not None]
        there = [place for place in options if _has(record, place)]
        return (*said, *there, options[0])[0]


class _Gone:
    """Stands for a key that is to be taken away."""


_GONE: Final = _Gone()


def encoded(field: str, value: Any) -> Json:  # noqa: ANN401 - any field's
    """A field as JSON: times as RFC 3339, tuples as lists."""
    if value is not None and field.endswith("_at"):
        return iso(value)
    return list(value) if isinstance(value, tuple) else value


def _parent(record: JsonObject, place: Place) -> Json:
    return record if len(place) == 1 else record.get(place[0])


def _get(record: JsonObject, place: Place) -> Json:
    parent = _parent(record, place)
    return parent.get(place[-1]) if isinstance(parent, dict) else None


def _has(record: JsonObject, place: Place) -> bool:
    parent = _parent(record, place)
    return isinstance(parent, dict) and place[-1] in parent


def _put(record: JsonObject, place: Place, value: Json) -> None:
    if len(place) > 1 and not isinstance(record.get(place[0]), dict):
        record[place[0]] = {}
    parent = _parent(record, place)
    if isinstance(value, _Gone):
        parent.pop(place[-1], None)
    else:
        parent[place[-1]] = value
