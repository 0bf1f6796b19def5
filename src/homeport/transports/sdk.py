"""The official SDK's server with the catalogue's tools. Importing this module takes half a second; see ``official``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final, cast

from mcp.server.caching import CacheHint
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.exceptions import MCPError
from mcp_types import CallToolRequestParams, PaginatedRequestParams

from homeport.errors import CallError
from homeport.operations.dispatcher import Dispatcher
from homeport.transports import listing
from homeport.transports.carried import EXCHANGE
from homeport.transports.conversations import StreamedConversation, conversation
from homeport.transports.exchange import MAX_BODY, Exchange, Receive, Scope, Send
from homeport.transports.jsonrpc import INTERNAL_ERROR, INVALID_PARAMS
from homeport.transports.log import Log
from homeport.transports.outbox import Outbox
from homeport.transports.results import Era, Results, era_of
from homeport.transports.unversioned import internal

LIST_SECONDS: Final = 60
"""How long a client may keep the list of tools: a deploy changes it."""

Context = ServerRequestContext[Any, Any]


class SdkApp:
    """The SDK's two ways of serving streamable HTTP, over one server.

    ``streaming`` answers with server-sent events where it has more to send than the answer; ``plain`` answers
    the older revisions with one JSON body, which every client of theirs reads. Both keep no session: none is
    lost when the server restarts.

    Args:
        dispatcher: runs the operations.
        results: builds what ``tools/call`` answers.
        instructions: for the model.
        log: learns of failures.
    """

    def __init__(self, dispatcher: Dispatcher, results: Results, instructions: str, log: Log) -> None:
        self._dispatcher = dispatcher
        self._results = results
        self._log = log
        hint = CacheHint(ttl_ms=LIST_SECONDS * 1000, scope="public")
        server: Server[Any] = Server(
            results.server_info["name"],
            version=results.server_info["version"],
            instructions=instructions,
            cache_hints={"tools/list": hint, "server/discover": hint},
            # None of our tools mirrors an argument in a header; without this the SDK lists all tools at each call.
            get_tool_input_schema=lambda _name: None,
        )
        # The result's type is of the newest revision; the SDK takes it off for the others.
        self._tools = {
            era: {"tools": listing.tools(dispatcher.catalogue, era), "resultType": "complete"} for era in Era
        }
        server.add_request_handler("tools/list", PaginatedRequestParams, self._list)
        server.add_request_handler("tools/call", CallToolRequestParams, self._call)
        self._server = server
        # No telemetry is exported, and a span for each message is the dearest thing the SDK does.
        server.middleware.clear()
        self._streaming = _manager(server, json_response=False)
        self._plain = _manager(server, json_response=True)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Must be left by the task that entered it."""
        async with self._streaming.run(), self._plain.run():
            yield

    async def handle(self, scope: Scope, receive: Receive, send: Send, *, plain: bool) -> None:
        """Answers a request to ``/mcp``."""
        manager = self._plain if plain else self._streaming
        await manager.handle_request(scope, receive, send)

    def conversation(
        self, outbox: Outbox, answered: Callable[[], None]
    ) -> AbstractAsyncContextManager[StreamedConversation]:
        """A conversation on a stream of ours; see :meth:`~homeport.transports.official.Official.conversation`."""
        return conversation(self._server, {}, outbox, answered)

    async def _list(self, context: Context, params: PaginatedRequestParams) -> dict[str, Any]:
        if params.cursor is not None:
            raise MCPError(INVALID_PARAMS, "The list has one page; ask for it without a cursor.")
        return self._tools[era_of(context.protocol_version)]

    async def _call(self, context: Context, params: CallToolRequestParams) -> dict[str, Any]:
        exchange = _exchange(context)
        exchange.tool = params.name
        era = era_of(context.protocol_version)
        if params.name not in self._dispatcher.catalogue:
            exchange.error = str(INVALID_PARAMS)
            raise MCPError(INVALID_PARAMS, f"There is no tool {params.name!r}.")
        try:
            answer = await self._dispatcher.call(params.name, params.arguments, exchange.caller)
        except CallError as error:
            exchange.error = error.code
            return self._results.refusal(era, error)
        except Exception as error:  # noqa: BLE001 - logged, and told without its inside
            exchange.error = str(INTERNAL_ERROR)
            self._log.failure("call failed", error, request_id=exchange.request_id, tool=params.name)
            raise MCPError(INTERNAL_ERROR, internal(exchange.request_id)) from None
        return self._results.answer(era, params.name, answer)


def _manager(server: Server[Any], *, json_response: bool) -> StreamableHTTPSessionManager:
    """Host and Origin were judged before; the SDK need not judge them again."""
    return StreamableHTTPSessionManager(
        server, json_response=json_response, stateless=True, security_settings=None, max_request_body_size=MAX_BODY
    )


def _exchange(context: Context) -> Exchange:
    request = context.request
    assert request is not None  # noqa: S101 - every call comes over HTTP
    return cast("Exchange", request.scope[EXCHANGE])
