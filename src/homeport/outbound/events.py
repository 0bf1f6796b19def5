"""Reads a stream of server-sent events. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Event:
    """One event; its data as bytes, since it is passed on as it came."""

    name: str
    data: bytes
    id: str | None


class EventReader:
    """Takes the bytes of a stream as they come, and gives the events that are complete."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._searched = 0
        self._data: list[bytes] = []
        self._name = ""
        self._id: str | None = None

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that end in this piece."""
        self._rest += chunk
        events = []
        # Only the new bytes are looked through: an event of a megabyte comes in hundreds of pieces.
        while (end := self._rest.find(b"\n", self._searched)) >= 0:
            line = bytes(self._rest[:end]).removesuffix(b"\r")
            del self._rest[: end + 1]
            self._searched = 0
            event = self._line(line)
            if event is not None:
                events.append(event)
        self._searched = len(self._rest)
        return events

    def _line(self, line: bytes) -> Event | None:
        if not line:
            event = Event(self._name or "message", b"\n".join(self._data), self._id) if self._data else None
            self._data, self._name = [], ""
            return event
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            self._data.append(value)
        elif field == b"event":
            self._name = value.decode(errors="replace")
        elif field == b"id" and b"\0" not in value:
            self._id = value.decode(errors="replace")
        return None
