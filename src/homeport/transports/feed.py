"""``GET /api/v1/events``: what happens, as server-sent events, resumable.

An event's id is its position: a reader that comes again with ``Last-Event-ID`` (browsers do so by themselves)
or ``?after=`` misses nothing, across restarts of the server too. For people's pages and for scripts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from typing import Final
from urllib.parse import parse_qs

import orjson

from homeport.coordination.events import Event
from homeport.coordination.values import JsonObject, iso
from homeport.errors import CallError, InvalidError, LimitedError
from homeport.operations.caller import Caller
from homeport.operations.feed import Feed
from homeport.operations.history import is_visible
from homeport.transports.exchange import Exchange
from homeport.transports.streams import KEEP_ALIVE, stream

PATH: Final = "/api/v1/events"
KEEP_ALIVE_SECONDS: Final = 15.0
MAX_STREAMS: Final = 1000
"""Open streams in all."""
MAX_STREAMS_EACH: Final = 250
"""Open streams of one caller."""
_RETRY: Final = b"retry: 1000\n\n"
_LARGEST: Final = 2**63 - 1
_DIGITS: Final = len(str(_LARGEST))


class FeedEndpoint:
    """Streams events to many readers.

    Args:
        feed: what they follow.
    """

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._open: Counter[str] = Counter()

    async def __call__(self, exchange: Exchange) -> None:
        caller = exchange.caller
        try:
            after, kinds = await self._wanted(exchange)
            self._refuse_more(caller)
        except CallError as error:
            await exchange.problem(error.http_status, error.as_json())
            return
        self._open[caller.name] += 1
        try:
            await stream(exchange, self._chunks(after, kinds, caller))
        finally:
            self._open[caller.name] -= 1

    async def _wanted(self, exchange: Exchange) -> tuple[int, frozenset[str]]:
        """After which position, and which kinds (``task`` or ``task.claimed``; none: all)."""
        query = parse_qs(exchange.scope["query_string"].decode("latin-1"))
        unknown = sorted(set(query) - {"after", "kinds"})
        if unknown:
            raise InvalidError(f"{', '.join(unknown)}: unknown argument.", "events takes after, kinds.")
        given = exchange.headers.get(b"last-event-id", b"").decode("latin-1").strip()
        text = given or query.get("after", [""])[-1]
        kinds = frozenset(kind for part in query.get("kinds", []) for kind in part.split(",") if kind)
        if not text:
            return await self._feed.last(), kinds
        # First its length: Python refuses to read a number of thousands of digits.
        if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS and int(text) <= _LARGEST):
            raise InvalidError(f"after: {text[:40]!r} is not a position.", "Give the id of the last event you have.")
        return int(text), kinds

    def _refuse_more(self, caller: Caller) -> None:
        if self._open[caller.name] >= MAX_STREAMS_EACH or self._open.total() >= MAX_STREAMS:
            raise LimitedError(
                f"{self._open[caller.name]} of your streams are open, {self._open.total()} in all.",
                "Close one, or read several kinds from one stream.",
            )

    async def _chunks(self, after: int, kinds: frozenset[str], caller: Caller) -> AsyncIterator[bytes]:
        yield _RETRY
        async for events in self._feed.follow(after, KEEP_ALIVE_SECONDS):
            wanted = [event for event in events if _concerns(event, kinds, caller)]
            # An id without data moves a reader on past events that it is not shown.
            skipped = b"id: %d\n\n" % events[-1].seq if events else KEEP_ALIVE
            yield b"".join(_frame(event, caller) for event in wanted) or skipped


def _concerns(event: Event, kinds: frozenset[str], caller: Caller) -> bool:
    """Whether it was asked for, and is the caller's to see: who speaks as one instance sees its own messages."""
    if kinds and event.kind not in kinds and event.kind.partition(".")[0] not in kinds:
        return False
    return is_visible(event, caller.instance_id)


def _frame(event: Event, caller: Caller) -> bytes:
    audience = [one for one in event.audience if caller.instance_id in (None, one)]
    shown: JsonObject = {
        "seq": event.seq,
        "at": iso(event.at),
        "kind": event.kind,
        "actor": event.actor,
        "subject": event.subject,
        "project_id": event.project_id,
        "audience": audience,
        "data": event.data,
    }
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (event.seq, event.kind.encode(), orjson.dumps(shown))
