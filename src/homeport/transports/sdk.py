"""The official SDK's server with the catalogue's tools. Importing this module takes half a second; see ``official``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final

import anyio
from mcp.server.caching import CacheHint
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.exceptions import MCPError
from mcp_types import CallToolRequestParams, PaginatedRequestParams, SubscriptionsListenRequestParams

from homeport.coordination.values import JsonObject
from homeport.errors import CallError
from homeport.transports import listing
from homeport.transports.backchannels import Backchannels
from homeport.transports.conversations import StreamedConversation, conversation
from homeport.transports.deferrals import Outcome
from homeport.transports.exchange import MAX_BODY, Exchange, Receive, Scope, Send
from homeport.transports.extension import Deferred
from homeport.transports.handlers import Handlers, exchange_of
from homeport.transports.jsonrpc import INTERNAL_ERROR, INVALID_PARAMS
from homeport.transports.listening import Listening
from homeport.transports.outbox import Outbox
from homeport.transports.parts import Parts
from homeport.transports.results import Era, era_of
from homeport.transports.subscriptions import StreamWatcher
from homeport.transports.tasks_extension import TasksExtension, declares
from homeport.transports.unversioned import internal

LIST_SECONDS: Final = 60
"""How long a client may keep the list of tools: a deploy changes it."""
DEFERRED_FROM: Final = 25.0
"""Seconds: longer waits are deferred for clients that declare the Tasks extension."""
PROGRESS_SECONDS: Final = 5.0
"""Between two signs that a wait is still under way: clients abort what is silent for long."""

Context = ServerRequestContext[Any, Any]


class SdkApp:
    """The SDK's two ways of serving streamable HTTP, over one server.

    ``streaming`` answers with server-sent events where it has more to send than the answer; ``plain`` answers
    the older revisions with one JSON body, which every client of theirs reads. Both keep no session: none is
    lost when the server restarts.

    Args:
        parts: what it is put together from.
        progress: seconds between two signs of progress.

    Attributes:
        backchannels: sessions in which the server may ask the client.
    """

    def __init__(self, parts: Parts, progress: float = PROGRESS_SECONDS) -> None:
        self._dispatcher = parts.dispatcher
        self._results = parts.results
        self._extension = parts.extension
        self._log = parts.log
        self._progress = progress
        self._subscriptions = parts.subscriptions
        self._server = server = _server(parts)
        # The result's type is of the newest revision; the SDK takes it off for the others.
        more = [extra.listed for extra in parts.extension.tools.values()]
        self._tools = {
            era: {"tools": [*listing.tools(parts.dispatcher.catalogue, era), *more], "resultType": "complete"}
            for era in Era
        }
        server.add_request_handler("tools/list", PaginatedRequestParams, self._list)
        server.add_request_handler("tools/call", CallToolRequestParams, self._call)
        handlers = Handlers(parts.dispatcher, parts.extension, parts.log)
        handlers.register(server)
        self._tasks = TasksExtension(parts.deferrals, parts.elsewhere, parts.dispatcher.place.environment)
        self._tasks.register(server)
        self._listening = Listening(parts.subscriptions, parts.places, handlers, self._tasks)
        server.add_request_handler("subscriptions/listen", SubscriptionsListenRequestParams, self._listening)
        self.backchannels = Backchannels(server, parts.log)
        self._streaming = _manager(server, json_response=False)
        self._plain = _manager(server, json_response=True)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Must be left by the task that entered it."""
        async with self._streaming.run(), self._plain.run(), anyio.create_task_group() as group:
            self.backchannels.run_in(group)
            yield
            group.cancel_scope.cancel()

    def drain(self) -> None:
        """Ends streams of notifications; what is being answered goes on."""
        self._listening.close()

    async def handle(self, scope: Scope, receive: Receive, send: Send, *, plain: bool) -> None:
        """Answers a request to ``/mcp``."""
        manager = self._plain if plain else self._streaming
        await manager.handle_request(scope, receive, send)

    def conversation(
        self, outbox: Outbox, answered: Callable[[], None]
    ) -> AbstractAsyncContextManager[StreamedConversation]:
        """A conversation on a stream of ours; see :meth:`~homeport.transports.official.Official.conversation`."""
        return conversation(self._server, outbox, StreamWatcher(self._subscriptions, outbox), answered)

    async def _list(self, context: Context, params: PaginatedRequestParams) -> dict[str, Any]:
        if params.cursor is not None:
            raise MCPError(INVALID_PARAMS, "The list has one page; ask for it without a cursor.")
        return self._tools[era_of(context.protocol_version)]

    async def _call(self, context: Context, params: CallToolRequestParams) -> Any:  # noqa: ANN401 - an extra's
        exchange = exchange_of(context)
        exchange.tool = params.name
        era = era_of(context.protocol_version)
        extra = self._extension.tools.get(params.name)
        if extra is None and params.name not in self._dispatcher.catalogue:
            exchange.error = str(INVALID_PARAMS)
            raise MCPError(INVALID_PARAMS, f"There is no tool {params.name!r}.")
        try:
            if extra is not None:
                answer = await extra.handler(context, params)
            elif await self._takes_long(context, exchange, params):
                answer = Deferred(lambda _: self._waited(era, exchange, params))
            else:
                answer = self._results.answer(era, params.name, await self._carry_out(context, exchange, params))
            if isinstance(answer, Deferred):
                return await self._tasks.answer(context, answer, lambda work: self._settled(era, exchange, work))
        except MCPError:
            raise
        except CallError as error:
            exchange.error = error.code
            return self._results.refusal(era, error)
        except Exception as error:  # noqa: BLE001 - logged, and told without its inside
            raise self._internal(exchange, error) from None
        return answer

    def _internal(self, exchange: Exchange, error: Exception) -> MCPError:
        exchange.error = str(INTERNAL_ERROR)
        self._log.failure("call failed", error, request_id=exchange.request_id, tool=exchange.tool)
        return MCPError(INTERNAL_ERROR, internal(exchange.request_id))

    async def _settled(self, era: Era, exchange: Exchange, work: Awaitable[Any]) -> Outcome:
        """What a call that was deferred ends with."""
        try:
            return "result", dict(await work)
        except CallError as error:
            return "result", self._results.refusal(era, error)
        except MCPError as error:
            return "error", error.error.model_dump(exclude_none=True)
        except Exception as error:  # noqa: BLE001 - logged, and told without its inside
            return "error", self._internal(exchange, error).error.model_dump(exclude_none=True)

    async def _takes_long(self, context: Context, exchange: Exchange, params: CallToolRequestParams) -> bool:
        """Whether it is a wait that will last, for a client that can come back for its end.

        Raises:
            CallError: the wait is refused.
        """
        arguments = params.arguments or {}
        seconds = arguments.get("timeout_seconds")
        operation = self._dispatcher.catalogue[params.name]
        if operation.ready is None or not isinstance(seconds, int | float) or seconds <= DEFERRED_FROM:
            return False
        if not declares(context):
            return False
        self._dispatcher.check(params.name, arguments, exchange.caller)
        look = {**arguments, "timeout_seconds": 0.0}
        return not operation.ready(await self._dispatcher.call(params.name, look, exchange.caller))

    async def _waited(self, era: Era, exchange: Exchange, params: CallToolRequestParams) -> dict[str, Any]:
        answer = await self._dispatcher.call(params.name, params.arguments, exchange.caller)
        return self._results.answer(era, params.name, answer)

    async def _carry_out(self, context: Context, exchange: Exchange, params: CallToolRequestParams) -> JsonObject:
        """Calls the operation; a wait says now and then that it is still under way, to who wants to know."""
        call = self._dispatcher.call(params.name, params.arguments, exchange.caller)
        if self._dispatcher.catalogue[params.name].kind != "wait" or "progress_token" not in (context.meta or {}):
            return await call
        signs = asyncio.ensure_future(self._show_signs(context, params.arguments or {}))
        try:
            return await call
        finally:
            signs.cancel()

    async def _show_signs(self, context: Context, arguments: dict[str, Any]) -> None:
        total = arguments.get("timeout_seconds")
        begun = asyncio.get_running_loop().time()
        passed = 0.0
        while True:
            whole = float(total) if isinstance(total, int | float) else None
            await context.session.report_progress(round(passed, 3), whole, "Nothing has come yet.")
            await asyncio.sleep(self._progress)
            passed = asyncio.get_running_loop().time() - begun


def _server(parts: Parts) -> Server[Any]:
    hint = CacheHint(ttl_ms=LIST_SECONDS * 1000, scope="public")
    # What may be read depends on who asks, and changes at any time.
    own = CacheHint(ttl_ms=0, scope="private")
    info = parts.results.server_info
    server: Server[Any] = Server(
        info["name"],
        version=info["version"],
        instructions=parts.instructions,
        cache_hints={
            "tools/list": hint,
            "server/discover": hint,
            "prompts/list": hint,
            "resources/templates/list": hint,
            "resources/list": own,
            "resources/read": own,
        },
        # None of our tools mirrors an argument in a header; without this the SDK lists all tools at each call.
        get_tool_input_schema=lambda name: _schema_of_extra(parts, name),
    )
    # No telemetry is exported, and a span for each message is the dearest thing the SDK does.
    server.middleware.clear()
    return server


def _schema_of_extra(parts: Parts, name: str) -> JsonObject | None:
    extra = parts.extension.tools.get(name)
    return None if extra is None else extra.listed["inputSchema"]


def _manager(server: Server[Any], *, json_response: bool) -> StreamableHTTPSessionManager:
    """Host and Origin were judged before; the SDK need not judge them again."""
    return StreamableHTTPSessionManager(
        server, json_response=json_response, stateless=True, security_settings=None, max_request_body_size=MAX_BODY
    )
