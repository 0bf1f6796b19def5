"""A conversation of the SDK's over a stream that is not its own: messages in, events out. Loaded with ``sdk``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Final, Self

import anyio
from anyio.streams.memory import MemoryObjectSendStream
from mcp.server.connection import Connection
from mcp.server.lowlevel import Server
from mcp.server.runner import serve_connection
from mcp.shared.jsonrpc_dispatcher import JSONRPCDispatcher
from mcp.shared.message import ServerMessageMetadata, SessionMessage
from mcp.shared.transport_context import TransportContext
from mcp_types import JSONRPCError, JSONRPCResponse, jsonrpc_message_adapter
from pydantic import ValidationError
from starlette.requests import Request

from homeport.transports.carried import EXCHANGE, WATCHER
from homeport.transports.exchange import Exchange
from homeport.transports.outbox import Outbox, event
from homeport.transports.subscriptions import Watcher

_QUEUED: Final = 100


class StreamedConversation:
    """What a client says goes to the SDK; what the SDK says goes into the client's outbox.

    Attributes:
        owed: ids of requests that are not answered yet.
    """

    def __init__(
        self,
        feed: MemoryObjectSendStream[SessionMessage | Exception],
        outbox: Outbox,
        watcher: Watcher,
        answered: Callable[[], None],
    ) -> None:
        self._feed = feed
        self._watcher = watcher
        self._outbox = outbox
        self._answered = answered
        self.owed: set[str] = set()

    def understands(self, message: object) -> bool:
        """Whether it is a JSON-RPC message at all."""
        try:
            jsonrpc_message_adapter.validate_python(message, by_name=False)
        except ValidationError:
            return False
        return True

    async def say(self, exchange: Exchange, message: dict[str, Any]) -> None:
        """Hands over a message of the client's."""
        scope = {**exchange.scope, EXCHANGE: exchange, WATCHER: self._watcher}
        if "method" in message and "id" in message:
            self.owed.add(str(message["id"]))
        elif message.get("method") == "notifications/cancelled":
            # Who has cancelled a request gets no answer to it.
            self.owed.discard(str((message.get("params") or {}).get("requestId")))
        parsed = jsonrpc_message_adapter.validate_python(message, by_name=False)
        try:
            await self._feed.send(SessionMessage(parsed, ServerMessageMetadata(request_context=Request(scope))))
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            self.owed.clear()

    async def send(self, item: SessionMessage) -> None:
        """The SDK says something."""
        message = item.message
        self._outbox.put(event(message.model_dump_json(by_alias=True, exclude_unset=True).encode()))
        if isinstance(message, JSONRPCResponse | JSONRPCError):
            self.owed.discard(str(message.id))
            self._answered()

    async def aclose(self) -> None:
        """The SDK has nothing more to say."""
        self._outbox.end()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


@asynccontextmanager
async def conversation(
    server: Server[Any], outbox: Outbox, watcher: Watcher, answered: Callable[[], None]
) -> AsyncIterator[StreamedConversation]:
    """A conversation that lasts as long as the block.

    It is open from the beginning: many clients open a new stream after theirs broke and never initialise again.
    """
    feed, read = anyio.create_memory_object_stream[SessionMessage | Exception](_QUEUED)
    talk = StreamedConversation(feed, outbox, watcher, answered)
    dispatcher: JSONRPCDispatcher[TransportContext] = JSONRPCDispatcher(
        read, talk, inline_methods=frozenset({"initialize"})
    )
    connection = Connection.for_loop(dispatcher, protocol_version_hint="2024-11-05")
    connection.initialized.set()
    async with feed, anyio.create_task_group() as group:
        group.start_soon(_serve, server, dispatcher, connection)
        yield talk
        group.cancel_scope.cancel()


async def _serve(server: Server[Any], dispatcher: JSONRPCDispatcher[Any], connection: Connection) -> None:
    await serve_connection(server, dispatcher, connection=connection, lifespan_state={})
