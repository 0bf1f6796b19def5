"""What waits to be sent to one client on its stream."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Final

import orjson

from homeport.transports.streams import KEEP_ALIVE

KEEP_ALIVE_SECONDS: Final = 15.0
"""Between comments on a silent stream: proxies close what says nothing for a minute."""

MAX_FRAMES: Final = 1_000
"""A client that reads so slowly that more would wait has stopped reading; its stream is ended."""


class Outbox:
    """Frames in their order, and keys of what has changed, each once however often it did.

    So what a slow client is owed about changes is bounded by what it asked to be told of.

    Args:
        frame: writes a changed key as a frame.
    """

    def __init__(self, frame: Callable[[str], bytes]) -> None:
        self._frame = frame
        self._frames: deque[bytes] = deque()
        self._changed: dict[str, None] = {}
        self._signal = asyncio.Event()
        self._ended = False

    @property
    def ended(self) -> bool:
        """Whether nothing will follow what waits."""
        return self._ended

    def put(self, frame: bytes) -> None:
        """A frame; dropped where nobody will read it any more."""
        if self._ended:
            return
        if len(self._frames) >= MAX_FRAMES:
            self._frames.clear()
            self.end()
            return
        self._frames.append(frame)
        self._signal.set()

    def changed(self, key: str) -> None:
        """Something that the client wants to be told of has changed."""
        self._changed[key] = None
        self._signal.set()

    def end(self) -> None:
        """Lets the stream end once it has sent what waits."""
        self._ended = True
        self._signal.set()

    async def frames(self, keep_alive: float = KEEP_ALIVE_SECONDS) -> AsyncIterator[bytes]:
        """What is to be written, as it comes: a comment after so many silent seconds. Ends with the outbox."""
        while not self._ended or self._waits():
            if not self._waits():
                self._signal.clear()
                try:
                    async with asyncio.timeout(keep_alive):
                        await self._signal.wait()
                except TimeoutError:
                    yield KEEP_ALIVE
                continue
            taken = [*self._frames, *map(self._frame, self._changed)]
            self._frames.clear()
            self._changed.clear()
            yield b"".join(taken)

    async def take_changed(self) -> list[str] | None:
        """The changed keys as soon as there are some; None when nothing will follow."""
        while not self._changed:
            if self._ended:
                return None
            self._signal.clear()
            await self._signal.wait()
        keys = list(self._changed)
        self._changed.clear()
        return keys

    def _waits(self) -> bool:
        return bool(self._frames or self._changed)


def event(data: bytes, name: bytes = b"message") -> bytes:
    """One event; the data are JSON or a path, and so have no line end."""
    return b"event: %b\ndata: %b\n\n" % (name, data)


def notification(method: str, params: dict[str, object] | None = None) -> bytes:
    """A JSON-RPC notification as an event."""
    message: dict[str, object] = {"jsonrpc": "2.0", "method": method}
    return event(orjson.dumps(message if params is None else {**message, "params": params}))
