"""The SDK's handlers of everything but tools: resources, prompts, completion, subscriptions. Loaded with ``sdk``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final, cast

from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError
from mcp_types import (
    CompleteRequestParams,
    GetPromptRequestParams,
    PaginatedRequestParams,
    ReadResourceRequestParams,
    ResourceTemplateReference,
    SetLevelRequestParams,
    SubscribeRequestParams,
    UnsubscribeRequestParams,
)

from homeport.coordination.values import JsonObject
from homeport.errors import CallError, NotFoundError
from homeport.operations.dispatcher import Dispatcher
from homeport.transports.carried import EXCHANGE, WATCHER
from homeport.transports.exchange import Exchange
from homeport.transports.extension import Extension
from homeport.transports.jsonrpc import INTERNAL_ERROR, INVALID_PARAMS, INVALID_REQUEST, REFUSED
from homeport.transports.log import Log
from homeport.transports.prompts import PROMPTS, Prompts
from homeport.transports.resources import TEMPLATES, Resources
from homeport.transports.results import META_ENVIRONMENT, MODERN
from homeport.transports.subscriptions import Watcher
from homeport.transports.unversioned import internal

RESOURCE_NOT_FOUND: Final = -32002
"""Of the revisions before 2026-07-28, which calls it invalid parameters."""

Context = ServerRequestContext[Any, Any]


class Handlers:
    """Answers what clients ask for besides tools.

    Args:
        dispatcher: runs the operations.
        extension: more than the catalogue has.
        log: learns of failures.
    """

    def __init__(self, dispatcher: Dispatcher, extension: Extension, log: Log) -> None:
        self._resources = Resources(dispatcher)
        self._prompts = Prompts(dispatcher)
        self._extension = extension
        self._log = log
        self._meta = {META_ENVIRONMENT: dispatcher.place.environment}

    def register(self, server: Server[Any]) -> None:
        """Gives the SDK's server its handlers."""
        for method, params, handler in (
            ("resources/list", PaginatedRequestParams, self._list_resources),
            ("resources/templates/list", PaginatedRequestParams, self._list_templates),
            ("resources/read", ReadResourceRequestParams, self._read),
            ("resources/subscribe", SubscribeRequestParams, self._subscribe),
            ("resources/unsubscribe", UnsubscribeRequestParams, self._unsubscribe),
            ("prompts/list", PaginatedRequestParams, self._list_prompts),
            ("prompts/get", GetPromptRequestParams, self._prompt),
            ("completion/complete", CompleteRequestParams, self._complete),
            ("logging/setLevel", SetLevelRequestParams, self._set_level),
        ):
            server.add_request_handler(method, params, self._told(handler))

    def check_watchable(self, uri: str, exchange: Exchange) -> None:
        """As :meth:`Resources.check_watchable`; what the extension has may be watched by everybody."""
        if self._extension.resource(uri) is None:
            self._resources.check_watchable(uri, exchange.caller)

    def _told(self, handler: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        """A handler whose refusals become errors of the protocol, and whose failures are logged."""

        async def handled(context: Context, params: Any) -> Any:  # noqa: ANN401 - the SDK's types are many
            exchange = exchange_of(context)
            try:
                return await handler(context, params)
            except CallError as error:
                exchange.error = error.code
                code = REFUSED.get(error.code, INVALID_REQUEST)
                if isinstance(error, NotFoundError):
                    reads = context.method == "resources/read" and context.protocol_version != MODERN
                    code = RESOURCE_NOT_FOUND if reads else INVALID_PARAMS
                uri = {"uri": str(params.uri)} if context.method == "resources/read" else {}
                raise MCPError(code, str(error), {**error.as_json(), **uri}) from None
            except MCPError:
                raise
            except Exception as error:  # noqa: BLE001 - logged, and told without its inside
                exchange.error = str(INTERNAL_ERROR)
                self._log.failure("request failed", error, request_id=exchange.request_id, method=context.method)
                raise MCPError(INTERNAL_ERROR, internal(exchange.request_id)) from None

        return handled

    async def _list_resources(self, context: Context, params: PaginatedRequestParams) -> JsonObject:
        page = await self._resources.page(params.cursor, exchange_of(context).caller)
        if params.cursor is None:
            page["resources"] += [extra.listed for extra in self._extension.resources.values()]
        return {**page, "resultType": "complete"}

    async def _list_templates(self, context: Context, params: PaginatedRequestParams) -> JsonObject:
        del context
        more = [extra.listed for extra in self._extension.templates.values()]
        return {"resourceTemplates": [*_only_page(params, TEMPLATES), *more], "resultType": "complete"}

    async def _read(self, context: Context, params: ReadResourceRequestParams) -> Any:  # noqa: ANN401 - an extra's
        extra = self._extension.resource(str(params.uri))
        if extra is not None:
            return await extra.handler(context, params)
        content = await self._resources.read(str(params.uri), exchange_of(context).caller)
        return {"contents": [content], "_meta": self._meta, "resultType": "complete"}

    async def _subscribe(self, context: Context, params: SubscribeRequestParams) -> JsonObject:
        uri = str(params.uri)
        self.check_watchable(uri, exchange_of(context))
        if not await _watcher(context).watch(uri):
            raise MCPError(REFUSED["limited"], "This session watches as many resources as it may.")
        return {}

    async def _unsubscribe(self, context: Context, params: UnsubscribeRequestParams) -> JsonObject:
        await _watcher(context).unwatch(str(params.uri))
        return {}

    async def _list_prompts(self, context: Context, params: PaginatedRequestParams) -> JsonObject:
        del context
        more = [extra.listed for extra in self._extension.prompts.values()]
        return {"prompts": [*_only_page(params, PROMPTS), *more], "resultType": "complete"}

    async def _prompt(self, context: Context, params: GetPromptRequestParams) -> Any:  # noqa: ANN401 - an extra's
        if params.name in self._extension.prompts:
            return await self._extension.prompts[params.name].handler(context, params)
        answer = await self._prompts.get(params.name, params.arguments or {}, exchange_of(context).caller)
        return {**answer, "_meta": self._meta, "resultType": "complete"}

    async def _complete(self, context: Context, params: CompleteRequestParams) -> Any:  # noqa: ANN401 - an extra's
        if self._extension.complete is not None:
            answer = await self._extension.complete(context, params)
            if answer is not None:
                return answer
        known = {str(one["uriTemplate"]) for one in TEMPLATES} | {str(one["name"]) for one in PROMPTS}
        name = params.ref.uri if isinstance(params.ref, ResourceTemplateReference) else params.ref.name
        if name not in known:
            raise MCPError(INVALID_PARAMS, f"ref: there is no prompt or template {name[:200]!r}.")
        caller = exchange_of(context).caller
        found = await self._prompts.complete(params.argument.name, params.argument.value, caller)
        return {"completion": found, "resultType": "complete"}

    async def _set_level(self, context: Context, params: SetLevelRequestParams) -> JsonObject:
        """Taken note of: what this server has to say to a client, it says in answers."""
        del context, params
        return {}


def exchange_of(context: Context) -> Exchange:
    """The request that a handler answers."""
    request = context.request
    assert request is not None  # noqa: S101 - every call comes over HTTP
    return cast("Exchange", request.scope[EXCHANGE])


def _watcher(context: Context) -> Watcher:
    watcher = context.request.scope.get(WATCHER) if context.request is not None else None
    if watcher is None:
        raise MCPError(
            INVALID_REQUEST, "Subscriptions need a session: send the Mcp-Session-Id that initialize answered with."
        )
    return cast("Watcher", watcher)


def _only_page(params: PaginatedRequestParams, items: tuple[JsonObject, ...]) -> tuple[JsonObject, ...]:
    if params.cursor is not None:
        raise MCPError(INVALID_PARAMS, "The list has one page; ask for it without a cursor.")
    return items
