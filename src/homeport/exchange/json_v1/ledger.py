"""The ledger: which record of which file became what, so that a second import and an export know."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from homeport.coordination.originals import Original
from homeport.coordination.store import Records
from homeport.coordination.values import JsonObject
from homeport.exchange.json_v1 import jsontext
from homeport.exchange.json_v1.directory import SourceFile
from homeport.exchange.json_v1.jsontext import Json
from homeport.exchange.json_v1.layout import Kind, Place, place_in

_KEY: Final = re.compile(r"#(?P<nth>\d+)(?::(?P<key>.*)|\?.*)", re.DOTALL)
FILE: Final = "file"
"""The kind of an original that surrounds the records of a file; the others' kinds are those of their files."""


@dataclass(frozen=True, slots=True)
class Item:
    """A record of a file. ``nth`` counts the records of its id before it in the same file."""

    kind: Kind
    path: str
    place: Place
    position: int
    source_id: str
    nth: int
    record: Json


@dataclass(frozen=True, slots=True)
class Entry:
    """A record that was imported, and the ``key`` of what it became; empty where it is only kept."""

    kind: str
    key: str
    path: str
    position: int
    nth: int
    record: Json


def items(file: SourceFile) -> Iterator[Item]:
    """The records of a file, in order; a document is its own record."""
    kind = file.place.kind
    if kind is Kind.DOCUMENT:
        yield Item(kind, file.path, file.place, 0, "", 0, file.envelope)
        return
    seen: Counter[str] = Counter()
    for position, record in enumerate(file.records):
        identity = source_id(kind, record)
        yield Item(kind, file.path, file.place, position, identity, seen[identity], record)
        seen[identity] += 1


def source_id(kind: Kind, record: JsonObject) -> str:
    """What names a record in its file."""
    return next(iter(record)) if kind is Kind.ROLES else str(record["id"])


def same(one: Json, other: Json) -> bool:
    """Whether two JSON values are the same, ``1`` and ``1.0`` and ``true`` told apart."""
    return bool(one == other) and json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


class Ledger:
    """All that was imported, as the store's originals have it."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._entries: dict[tuple[str, str, str, int], Entry] = {}
        self._first: dict[tuple[str, str], Entry] = {}
        self._envelopes: dict[str, Json] = {}
        for original in records.originals.all():
            self._note(original)

    def find(self, item: Item) -> Entry | None:
        """What this record was imported as, whatever it held then."""
        return self._entries.get((item.kind, item.path, item.source_id, item.nth))

    def entry(self, kind: Kind, key: str) -> Entry | None:
        """The first record that became this; for roles and documents in any case."""
        return self._first.get(_folded(kind, key))

    def put(self, item: Item, key: str) -> None:
        """Keeps a record as it is in its file, and what it became."""
        # Records that became nothing have only their own id to be told apart by.
        what = f":{key}" if key else f"?{jsontext.dump(item.source_id)}"
        self._store(item.kind, f"{item.path}#{item.nth}{what}", item.path, item.position, item.record)

    def put_envelope(self, file: SourceFile) -> None:
        """Keeps what surrounds the records of a file, as the latest import has it."""
        known = self._envelopes.get(file.path)
        if known is None or not same(known, file.envelope):
            self._store(FILE, file.path, file.path, 0, file.envelope)

    def envelopes(self) -> dict[str, Json]:
        """What surrounds the records of each file, by path."""
        return dict(self._envelopes)

    def place(self, path: str) -> Place:
        """What a file is that was imported."""
        place = place_in(path, self._envelopes.get(path))
        assert place is not None  # noqa: S101 - only files with a place are imported
        return place

    def entries(self) -> list[Entry]:
        """All records, by path and position."""
        return sorted(self._entries.values(), key=lambda one: (one.path, one.position))

    def _store(self, kind: str, key: str, path: str, position: int, value: Json) -> None:
        original = Original(kind, key, path, position, jsontext.dump(value))
        self._records.originals.put(original)
        self._note(original)

    def _note(self, original: Original) -> None:
        value = json.loads(original.document)
        if original.kind == FILE:
            self._envelopes[original.path] = value
            return
        kind = Kind(original.kind)
        told = _KEY.fullmatch(original.key.removeprefix(original.path))
        assert told is not None  # noqa: S101 - the only writer of originals is this class
        nth, key = int(told["nth"]), told["key"] or ""
        entry = Entry(kind, key, original.path, original.position, nth, value)
        identity = "" if kind is Kind.DOCUMENT else source_id(kind, value)
        self._entries[kind, entry.path, identity, entry.nth] = entry
        if key:
            self._first.setdefault(_folded(kind, key), entry)


def _folded(kind: str, key: str) -> tuple[str, str]:
    return kind, key.casefold() if kind in (Kind.ROLES, Kind.DOCUMENT) else key
