"""The way to the official SDK, which is loaded in the background: a server answers before it is there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Protocol

from homeport.transports.carried import EXCHANGE, WATCHER
from homeport.transports.exchange import Exchange, Header, Message, Receive, Scope
from homeport.transports.outbox import Outbox
from homeport.transports.parts import Parts
from homeport.transports.sessions import Key
from homeport.transports.subscriptions import Watcher

if TYPE_CHECKING:
    from homeport.transports.sdk import SdkApp

_BOTH_KINDS = b"application/json, text/event-stream"


class Conversation(Protocol):
    """A conversation with one client on a stream that is not the SDK's own."""

    @property
    def owed(self) -> set[str]:
        """The ids of requests that are not answered yet."""

    def understands(self, message: object) -> bool:
        """Whether it is a JSON-RPC message at all."""

    async def say(self, exchange: Exchange, message: dict[str, Any]) -> None:
        """Hands over a message of the client's."""


class Official:
    """Hands requests to the SDK; the first that needs it waits until it is there.

    Args:
        parts: what it is put together from.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._log = parts.log
        self._app: SdkApp | None = None
        self._ready: asyncio.Future[SdkApp] | None = None
        self._task: asyncio.Task[None] | None = None
        self._end = asyncio.Event()

    def load(self) -> asyncio.Future[SdkApp]:
        """Begins to load it, once; to be called in the event loop."""
        if self._ready is None:
            self._ready = asyncio.get_running_loop().create_future()
            self._task = asyncio.create_task(self._run(self._ready))
        return self._ready

    def drain(self) -> None:
        """Ends the streams that it serves."""
        if self._app is not None:
            self._app.drain()

    async def close(self) -> None:
        """Ends what it serves."""
        self._end.set()
        if self._task is not None:
            await self._task

    async def handle(
        self, exchange: Exchange, body: bytes, *, plain: bool = False, watcher: Watcher | None = None
    ) -> None:
        """Lets the SDK answer a request whose body was read.

        Args:
            exchange: the request.
            body: of it.
            plain: answer with one JSON body, whatever the client says it accepts.
            watcher: who is to be told of changes, where the request is about that.

        Raises:
            UnauthorizedError: the request's token stopped being good meanwhile.
        """
        app = await asyncio.shield(self.load())
        scope = _scope(exchange, plain=plain)
        if watcher is not None:
            scope[WATCHER] = watcher
        await _while_good(exchange, app.handle(scope, _receive(exchange, body), exchange.send, plain=plain))

    async def handle_in_session(self, exchange: Exchange, body: bytes, key: Key, version: str) -> None:
        """Lets the SDK answer with a way back to the client.

        Raises:
            NoPlaceError: there are too many such sessions.
            UnauthorizedError: the request's token stopped being good meanwhile.
        """
        app = await asyncio.shield(self.load())
        work = app.backchannels.handle(key, version, _scope(exchange), _receive(exchange, body), exchange.send)
        await _while_good(exchange, work)

    def knows(self, key: Key) -> bool:
        """Whether the session has a way back to the client."""
        return self._app is not None and key in self._app.backchannels

    @asynccontextmanager
    async def conversation(self, outbox: Outbox, answered: Callable[[], None]) -> AsyncIterator[Conversation]:
        """A conversation for as long as the block; what the SDK says goes into the outbox.

        Args:
            outbox: of the client's stream.
            answered: called whenever a request was answered.
        """
        app = await asyncio.shield(self.load())
        async with app.conversation(outbox, answered) as talk:
            yield talk

    async def _run(self, ready: asyncio.Future[SdkApp]) -> None:
        try:
            app = await asyncio.to_thread(self._build)
        except Exception as error:  # noqa: BLE001 - it reaches everybody who waits for it
            ready.set_exception(error)
            ready.exception()
            self._log.failure("the MCP library cannot be loaded", error)
            return
        async with app.running():
            self._app = app
            ready.set_result(app)
            await self._end.wait()

    def _build(self) -> SdkApp:
        from homeport.transports.sdk import SdkApp

        return SdkApp(self._parts)


async def _while_good(exchange: Exchange, work: Coroutine[Any, Any, None]) -> None:
    """Does the work; it is given up when the request's token stops being good."""
    if exchange.standing is None:
        await work
        return
    working = asyncio.ensure_future(work)
    lapsed = asyncio.ensure_future(exchange.standing.lapsed())
    try:
        await asyncio.wait({working, lapsed}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise lapsed.result()
        working.result()
    finally:
        lapsed.cancel()
        working.cancel()
        with suppress(asyncio.CancelledError):
            await working


def _scope(exchange: Exchange, *, plain: bool = False) -> Scope:
    return {**exchange.scope, "headers": _headers(exchange, plain=plain), EXCHANGE: exchange}


def _receive(exchange: Exchange, body: bytes) -> Receive:
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        return pending.pop() if pending else await exchange.receive()

    return receive


def _headers(exchange: Exchange, *, plain: bool) -> list[Header]:
    """Blanks around the protocol's own headers are no part of their values; httptools leaves them there.

    Who calls is known by now; the SDK is handed no secret that it could write somewhere.
    """
    headers = [
        (name, value.strip() if name.startswith(b"mcp-") else value)
        for name, value in exchange.scope["headers"]
        if not (plain and name == b"accept") and name != b"authorization"
    ]
    return [*headers, (b"accept", _BOTH_KINDS)] if plain else headers
