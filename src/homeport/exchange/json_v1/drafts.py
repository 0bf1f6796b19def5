"""Drafts: the files of an export while they are put together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from homeport.coordination.values import JsonObject, Millis, iso
from homeport.exchange.json_v1 import jsontext
from homeport.exchange.json_v1.jsontext import Json
from homeport.exchange.json_v1.layout import Kind, Place
from homeport.exchange.json_v1.shapes import moment

_VERSIONS: Final = {Kind.MESSAGES: "3.0"}


@dataclass(slots=True)
class Draft:
    """One file: what surrounds its records, and the records. ``changed`` is whether it is other than imported."""

    place: Place
    envelope: Json
    records: list[Json] = field(default_factory=list)
    changed: bool = False
    latest: Millis = 0

    def put(self, record: Json, *, changed: bool = False, at: Millis = 0) -> None:
        """Adds a record; ``at`` is when it was changed last."""
        self.records.append(record)
        if changed:
            self.touch(at)

    def touch(self, at: Millis = 0) -> None:
        """Notes that something in the file is other than it was."""
        self.changed = True
        self.latest = max(self.latest, at)

    def content(self) -> bytes:
        """The file's bytes."""
        if self.place.kind is Kind.DOCUMENT:
            return str(self.records[0]).encode()
        envelope = self._dated() if self.changed else self.envelope
        container = self.place.kind.container
        if isinstance(envelope, list):
            return jsontext.pretty(self.records)
        if container is None:
            return jsontext.pretty(envelope)
        records: Json = self.records
        if self.place.kind is Kind.ROLES:
            records = {name: value for one in self.records for name, value in one.items()}
        return jsontext.pretty({**envelope, container: records})

    def _dated(self) -> Json:
        if not isinstance(self.envelope, dict):
            return self.envelope
        result: JsonObject = dict(self.envelope)
        if (
            self.latest
            and self.place.kind is not Kind.LESSONS_INDEX
            and self.latest > (moment(result.get("last_updated")) or 0)
        ):
            result["last_updated"] = iso(self.latest)
        if self.place.kind is Kind.LESSONS:
            result["total_lessons"] = sum(len(one.get("lessons", [])) for one in self.records)
        return result


class Drafts:
    """All files of an export, by path."""

    def __init__(self) -> None:
        self._drafts: dict[str, Draft] = {}

    def known(self, path: str, place: Place, envelope: Json) -> Draft:
        """The file as it was imported, without its records."""
        return self._drafts.setdefault(path, Draft(place, envelope))

    def at(self, path: str, place: Place, at: Millis = 0) -> Draft:
        """The file of this path, which is begun ``at`` that time where there is none."""
        draft = self._drafts.get(path)
        if draft is None:
            draft = self._drafts[path] = Draft(place, _begun(place, at), changed=True, latest=at)
        return draft

    def files(self) -> Iterator[tuple[str, bytes]]:
        """Each path with its content, by path. A project's task file is left out once all of it was deleted."""
        for path, draft in sorted(self._drafts.items()):
            if draft.place.kind is Kind.TASKS and draft.changed and not draft.records:
                continue
            yield path, draft.content()


def _begun(place: Place, at: Millis) -> JsonObject:
    """What surrounds the records of a new file."""
    container = place.kind.container
    dates = {"created": iso(at), "last_updated": iso(at)}
    if place.kind is Kind.LESSONS:
        return {"project_id": place.owner, "created": iso(at), "submissions": [], "total_lessons": 0, **dates}
    if container is None:
        return {}
    head: JsonObject = {"schema_version": _VERSIONS.get(place.kind, "1.0")}
    if place.kind is Kind.TASKS:
        head["project_id"] = place.owner or None
    if place.kind is Kind.MESSAGES and place.owner:
        head[f"{place.box}_id"] = place.owner
    return {**head, **dates, container: {} if place.kind is Kind.ROLES else []}
