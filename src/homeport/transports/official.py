"""The way to the official SDK, which is loaded in the background: a server answers before it is there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Protocol

from homeport.operations.dispatcher import Dispatcher
from homeport.transports.carried import EXCHANGE
from homeport.transports.exchange import Exchange, Header, Message
from homeport.transports.log import Log
from homeport.transports.outbox import Outbox
from homeport.transports.results import Results

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

    Args: as those of :class:`~homeport.transports.sdk.SdkApp`.
    """

    def __init__(self, dispatcher: Dispatcher, results: Results, instructions: str, log: Log) -> None:
        self._dispatcher = dispatcher
        self._results = results
        self._instructions = instructions
        self._log = log
        self._ready: asyncio.Future[SdkApp] | None = None
        self._task: asyncio.Task[None] | None = None
        self._end = asyncio.Event()

    def load(self) -> asyncio.Future[SdkApp]:
        """Begins to load it, once; to be called in the event loop."""
        if self._ready is None:
            self._ready = asyncio.get_running_loop().create_future()
            self._task = asyncio.create_task(self._run(self._ready))
        return self._ready

    async def close(self) -> None:
        """Ends what it serves."""
        self._end.set()
        if self._task is not None:
            await self._task

    async def handle(self, exchange: Exchange, body: bytes, *, plain: bool = False) -> None:
        """Lets the SDK answer a request whose body was read.

        Args:
            exchange: the request.
            body: of it.
            plain: answer with one JSON body, whatever the client says it accepts.
        """
        app = await asyncio.shield(self.load())
        pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> Message:
            return pending.pop() if pending else await exchange.receive()

        scope = {**exchange.scope, "headers": _headers(exchange, plain=plain), EXCHANGE: exchange}
        await app.handle(scope, receive, exchange.send, plain=plain)

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
            ready.set_result(app)
            await self._end.wait()

    def _build(self) -> SdkApp:
        from homeport.transports.sdk import SdkApp

        return SdkApp(self._dispatcher, self._results, self._instructions, self._log)


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
