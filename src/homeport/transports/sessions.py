"""Sessions of clients that initialise (2025-03-26 to 2025-11-25): an id, and a stream to be told of changes on.

An id is a random text and nothing more. What a session has to remember begins when a client opens its stream or
subscribes to something, under whatever id the client holds: so a server that was restarted goes on with the ids
of the one before, and a client that only calls costs nothing. What it subscribed to is kept in the store.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections import Counter
from collections.abc import Callable
from typing import Final

from homeport.coordination import watches
from homeport.coordination.values import JsonObject
from homeport.transports.exchange import Exchange
from homeport.transports.kept import Kept
from homeport.transports.others import Others
from homeport.transports.outbox import Outbox
from homeport.transports.places import NoPlaceError, Places, client_of
from homeport.transports.streams import stream
from homeport.transports.subscriptions import LISTS, Subscriptions, told

HEADER: Final = b"mcp-session-id"
IDLE_SECONDS: Final = 1_800.0
"""After which a session without a stream is forgotten; its id goes on working."""
MAX_SESSIONS: Final = 4_000
"""That have something to remember, in all."""
MAX_PER_CLIENT: Final = 1_000
MAX_ENDED: Final = 1_000
"""Ids that are answered with 404, for their clients have said that they have done."""
SEEN_SECONDS: Final = 3_600.0
"""Between two notes in the store that sessions with a stream are still there."""
_WELL_FORMED: Final = re.compile(rb"[\x21-\x7e]{1,128}")

Key = tuple[str, bytes]
"""Whose, and its id: nobody reaches another's session by knowing its id."""


class Session:
    """What is remembered of one client between its requests.

    Args:
        client: whom it counts for.
        name: under which the store keeps what it watches.
        kept: the store's side.
        now: seconds.
    """

    def __init__(self, client: str, name: str, kept: Kept, now: float) -> None:
        self.client = client
        self.name = name
        self.used = now
        self._kept = kept
        self._owed: dict[str, None] = {}
        self._streams: list[Outbox] = []

    @property
    def is_open(self) -> bool:
        """Whether it has a stream."""
        return bool(self._streams)

    async def watch(self, uri: str) -> bool:
        return await self._kept.watch(self, self.client, self.name, uri)

    async def unwatch(self, uri: str) -> None:
        await self._kept.unwatch(self, self.name, uri)

    def changed(self, key: str) -> None:
        """Tells the client on its newest stream, or on the next that it opens."""
        if self._streams:
            self._streams[-1].changed(key)
        else:
            self._owed[key] = None

    def opened(self, outbox: Outbox) -> None:
        """The client has opened a stream."""
        for key in self._owed:
            outbox.changed(key)
        self._owed.clear()
        self._streams.append(outbox)

    def closed(self, outbox: Outbox) -> None:
        """One of its streams has ended."""
        self._streams.remove(outbox)

    def end(self) -> None:
        """Ends its streams."""
        for outbox in self._streams:
            outbox.end()


class Sessions:
    """All sessions that have something to remember.

    Args:
        places: for streams.
        subscriptions: who wants to be told of what.
        kept: what they watch.
        others: the servers that other requests of a session may come to.
        in_all: how many there may be.
        per_client: how many of one client.
        monotonic: seconds.
    """

    def __init__(
        self,
        places: Places,
        subscriptions: Subscriptions,
        kept: Kept,
        others: Others,
        in_all: int = MAX_SESSIONS,
        per_client: int = MAX_PER_CLIENT,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._places = places
        self._subscriptions = subscriptions
        self._kept = kept
        self._in_all = in_all
        self._per_client = per_client
        self._monotonic = monotonic
        self._known: dict[Key, Session] = {}
        self._clients: Counter[str] = Counter()
        self._ended: dict[str, None] = {}
        self._others = others
        self._looking: asyncio.Task[None] | None = None
        others.on("watch", self._watched_elsewhere)
        others.on("ended", lambda said: self._end(said["session"]))
        others.when_missed(self._look_again)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._known)

    def has_ended(self, exchange: Exchange) -> bool:
        """Whether the client itself has ended the session that it names, as far as this server remembers."""
        key = key_of(exchange) if self._ended else None
        return key is not None and watches.name_of(*key) in self._ended

    async def remembered(self, exchange: Exchange) -> Session | None:
        """The session that a request belongs to, begun if need be; None where it names none.

        Raises:
            NoPlaceError: there are too many, or the store cannot be read.
        """
        key = key_of(exchange)
        if key is None:
            return None
        session = self._known.get(key) or await self._begun(exchange, key)
        session.used = self._monotonic()
        return session

    async def run(self) -> None:
        """Notes now and then which sessions are still there, until it is cancelled."""
        while True:
            await asyncio.sleep(SEEN_SECONDS)
            names = [session.name for session in self._known.values() if session.is_open]
            if names:
                await self._kept.seen(names)

    async def stream(self, exchange: Exchange) -> None:
        """Answers with the stream of the session that the request names."""
        try:
            with self._places.taken(exchange):
                session = await self.remembered(exchange)
                assert session is not None  # noqa: S101 - the endpoint has looked for the header
                outbox = Outbox(told)
                session.opened(outbox)
                try:
                    await stream(exchange, outbox.frames())
                finally:
                    session.closed(outbox)
                    session.used = self._monotonic()
        except NoPlaceError as error:
            await error.answer(exchange)

    async def forget(self, exchange: Exchange) -> None:
        """The client says that it has done."""
        key = key_of(exchange)
        if key is None:
            return
        name = watches.name_of(*key)
        self._end(name)
        self._others.tell("ended", session=name)
        await self._kept.drop([name])

    def close(self) -> None:
        """Ends all streams."""
        for session in self._known.values():
            session.end()

    def _end(self, name: str) -> None:
        key = next((key for key, session in self._known.items() if session.name == name), None)
        if key is not None:
            self._drop(key)
        self._ended[name] = None
        if len(self._ended) > MAX_ENDED:
            del self._ended[next(iter(self._ended))]

    def _watched_elsewhere(self, said: JsonObject) -> None:
        """A request of a session came to another server; its stream may be here."""
        for session in self._known.values():
            if session.name == said["session"] and said["on"]:
                self._subscriptions.add(session, said["uri"])
            elif session.name == said["session"]:
                self._subscriptions.remove(session, said["uri"])

    def _look_again(self) -> None:
        """What other servers told may have been missed: the store has it too."""
        if self._known and self._looking is None:
            self._looking = asyncio.create_task(self._look())

    async def _look(self) -> None:
        try:
            for session in [one for one in self._known.values() if one.is_open]:
                for uri in await self._kept.of(session.name):
                    self._subscriptions.add(session, uri)
        except NoPlaceError:
            return  # The store is away; when it is back, this is called again.
        finally:
            self._looking = None

    async def _begun(self, exchange: Exchange, key: Key) -> Session:
        """A session that is remembered from now on, with what it watched before a restart."""
        await self._forget_idle()
        name = watches.name_of(*key)
        uris = await self._kept.of(name)
        if key in self._known:
            return self._known[key]
        client = client_of(exchange)
        if len(self._known) >= self._in_all:
            raise NoPlaceError(503, "This server has no room for another session now.")
        if self._clients[client] >= self._per_client:
            raise NoPlaceError(429, f"This client has {self._per_client} sessions, as many as it may.")
        session = self._known[key] = Session(client, name, self._kept, self._monotonic())
        self._clients[client] += 1
        # A client may hold this id since before a restart: what it has read may be of yesterday.
        for watched in (LISTS, *uris):
            self._subscriptions.add(session, watched)
            session.changed(watched)
        return session

    async def _forget_idle(self) -> None:
        now = self._monotonic()
        idle = [
            key for key, session in self._known.items() if not session.is_open and now - session.used >= IDLE_SECONDS
        ]
        names = [self._drop(key) for key in idle]
        # Elsewhere it may have a stream; upkeep forgets what nobody has seen for a day.
        if names and self._others.alone:
            await self._kept.drop(names)

    def _drop(self, key: Key) -> str:
        session = self._known.pop(key)
        session.end()
        self._subscriptions.drop(session)
        self._clients[session.client] -= 1
        if not self._clients[session.client]:
            del self._clients[session.client]
        return session.name


def new_id() -> bytes:
    """An id that nobody guesses."""
    return secrets.token_urlsafe(24).encode()


def key_of(exchange: Exchange) -> Key | None:
    """The session that a request names, whether or not anything is remembered of it."""
    given = exchange.headers.get(HEADER, b"").strip()
    return (exchange.caller.id, given) if _WELL_FORMED.fullmatch(given) else None
