"""Sessions of the SDK's, for tools of an extension that ask the client something in the middle of a call.

Such a question goes out on the stream of the call, and its answer comes in with another request: the two belong
together by the session. It exists from the first such call on, under the id that the client holds.
"""

from __future__ import annotations

from typing import Any, Final

import anyio
from anyio.abc import TaskGroup, TaskStatus
from mcp.server.connection import Connection
from mcp.server.lowlevel import Server
from mcp.server.runner import serve_connection
from mcp.server.streamable_http import StreamableHTTPServerTransport
from mcp.shared.jsonrpc_dispatcher import JSONRPCDispatcher
from mcp.shared.transport_context import TransportContext

from homeport.transports.exchange import Receive, Scope, Send
from homeport.transports.log import Log
from homeport.transports.places import NoPlaceError
from homeport.transports.sessions import Key

IDLE_SECONDS: Final = 300.0
MAX_BACKCHANNELS: Final = 500


class Backchannels:
    """The SDK's transport for each session that needs one.

    Args:
        server: answers.
        log: learns of failures.
    """

    def __init__(self, server: Server[Any], log: Log) -> None:
        self._server = server
        self._log = log
        self._transports: dict[Key, StreamableHTTPServerTransport] = {}
        self._group: TaskGroup | None = None

    def run_in(self, group: TaskGroup) -> None:
        """Where they live; they end with it."""
        self._group = group

    def __contains__(self, key: object) -> bool:
        return key in self._transports

    async def handle(self, key: Key, version: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request of a session."""
        transport = self._transports.get(key)
        if transport is None or transport.is_terminated:
            assert self._group is not None  # noqa: S101 - nothing is handled before the SDK runs
            if len(self._transports) >= MAX_BACKCHANNELS:
                raise NoPlaceError(503, "This server has no room for another session now.")
            transport = StreamableHTTPServerTransport(key[1].decode(), idle_timeout=IDLE_SECONDS)
            self._transports[key] = transport
            await self._group.start(self._serve, key, version, transport)
        await transport.handle_request(scope, receive, send)

    async def close(self) -> None:
        """Ends them."""
        for transport in list(self._transports.values()):
            await transport.terminate()

    async def _serve(
        self,
        key: Key,
        version: str,
        transport: StreamableHTTPServerTransport,
        *,
        task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED,
    ) -> None:
        try:
            async with transport.connect() as (read, write):
                dispatcher: JSONRPCDispatcher[TransportContext] = JSONRPCDispatcher(read, write)
                connection = Connection.for_loop(dispatcher, protocol_version_hint=version)
                connection.initialized.set()
                task_status.started()
                with transport.idle_scope or anyio.CancelScope():
                    await serve_connection(self._server, dispatcher, connection=connection, lifespan_state={})
        except Exception as error:  # noqa: BLE001 - one session's end must not be the others'
            self._log.failure("a session failed", error)
        finally:
            if self._transports.get(key) is transport:
                del self._transports[key]
            with anyio.CancelScope(shield=True):
                await transport.terminate()
