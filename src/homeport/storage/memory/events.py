"""Events, first answers and originals in dictionaries: what is appended or put, and looked up again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from homeport.coordination.events import Event, EventFilter
from homeport.coordination.idempotency import Answer
from homeport.coordination.originals import Original
from homeport.coordination.values import Millis
from homeport.storage.memory.tables import Tables


class MemoryEvents:
    """See :class:`homeport.coordination.store.Events`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def append(self, event: Event) -> Event:
        stored = replace(event, seq=self._tables.next_number("event"))
        self._tables.events[stored.seq] = stored
        return stored

    def select(self, which: EventFilter, after: int, limit: int) -> Sequence[Event]:
        matching = [one for seq, one in sorted(self._tables.events.items()) if seq > after and _matches(one, which)]
        return matching[:limit]

    def recent(self, which: EventFilter, before: int | None, limit: int) -> Sequence[Event]:
        newest = sorted(self._tables.events.items(), reverse=True)
        matching = [one for seq, one in newest if (before is None or seq < before) and _matches(one, which)]
        return matching[:limit]

    def last(self) -> int:
        return max(self._tables.events, default=0)


class MemoryAnswers:
    """See :class:`homeport.coordination.store.Answers`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def get(self, operation: str, key: str) -> Answer | None:
        return self._tables.answers.get((operation, key))

    def put(self, answer: Answer) -> None:
        self._tables.answers[answer.operation, answer.key] = answer

    def forget(self, before: Millis) -> int:
        old = [key for key, answer in self._tables.answers.items() if answer.at < before]
        for key in old:
            del self._tables.answers[key]
        return len(old)


class MemoryOriginals:
    """See :class:`homeport.coordination.store.Originals`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def get(self, kind: str, key: str) -> Original | None:
        return self._tables.originals.get((kind, key))

    def put(self, original: Original) -> None:
        self._tables.originals[original.kind, original.key] = original

    def all(self, kind: str | None = None) -> Iterator[Original]:
        found = [one for one in self._tables.originals.values() if kind in (None, one.kind)]
        return iter(sorted(found, key=lambda one: (one.path, one.position)))


def _matches(event: Event, which: EventFilter) -> bool:
    noun = event.kind.partition(".")[0]
    return (
        (not which.kinds or event.kind in which.kinds or noun in which.kinds)
        and which.actor in (None, event.actor)
        and which.subject in (None, event.subject)
        and which.project_id in (None, event.project_id)
    )
