"""The Tasks extension of 2026-07-28: a call that takes long is answered with a handle, and its result fetched later.

The server decides which calls these are, and only for clients that declare the extension with the request. Loaded with
``sdk``, which knows nothing of it but how to carry a method and a result that it does not know.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, Final

from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError
from mcp_types import MISSING_REQUIRED_CLIENT_CAPABILITY, RequestParams
from pydantic import ConfigDict
from pydantic.alias_generators import to_camel

from homeport.coordination.values import JsonObject
from homeport.errors import NotFoundError
from homeport.transports.deferrals import Deferral, Deferrals, NoRoomError, Outcome
from homeport.transports.elsewhere import Elsewhere
from homeport.transports.exchange import Exchange
from homeport.transports.extension import Deferred
from homeport.transports.fastpath import TASKS, decoded_header
from homeport.transports.handlers import exchange_of
from homeport.transports.jsonrpc import HEADER_MISMATCH, INVALID_PARAMS, REFUSED
from homeport.transports.places import client_of
from homeport.transports.results import META_ENVIRONMENT, MODERN

KEY: Final = "tasks/"
"""Before the id of a deferral, in what streams listen to."""

Context = ServerRequestContext[Any, Any]
Settle = Callable[[Awaitable[Any]], Awaitable[Outcome]]
"""Turns what a call ends with, whatever it raises, into an outcome."""


class _OfTask(RequestParams):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="allow")

    task_id: str


class _Update(_OfTask):
    input_responses: dict[str, Any]


class TasksExtension:
    """Defers calls, and answers for them.

    Args:
        deferrals: all of them.
        elsewhere: those of other servers.
        environment: named with every answer.
    """

    def __init__(self, deferrals: Deferrals, elsewhere: Elsewhere, environment: str) -> None:
        self._deferrals = deferrals
        self._elsewhere = elsewhere
        self._meta = {META_ENVIRONMENT: environment}

    def register(self, server: Server[Any]) -> None:
        """Offers the extension and its methods."""
        server.extensions[TASKS] = {}
        server.add_request_handler("tasks/get", _OfTask, self._get)
        server.add_request_handler("tasks/update", _Update, self._update)
        server.add_request_handler("tasks/cancel", _OfTask, self._cancel)

    async def answer(self, context: Context, deferred: Deferred, settle: Settle) -> Any:  # noqa: ANN401 - a result
        """The handle of a call that is deferred; its result where the client knows none, or there is no room.

        Raises:
            MCPError: the call cannot be answered but by a handle.
        """
        exchange = exchange_of(context)
        if declares(context):
            with suppress(NoRoomError):
                one = self._deferrals.begin(
                    exchange.caller.id, client_of(exchange), lambda asking: _work(exchange, deferred, asking, settle)
                )
                return {"_meta": self._meta, "resultType": "task", **one.brief()}
            if deferred.required:
                raise MCPError(REFUSED["limited"], "As many calls of this client are under way as may be.")
        elif deferred.required:
            raise missing()
        return await deferred.work(_NOBODY)

    def whole(self, context: Context, task_id: str) -> JsonObject | None:
        """What a stream tells of a task; None where the caller has none of that id, or none that is followed."""
        owner = exchange_of(context).caller.id
        try:
            return self._deferrals.find(owner, task_id).whole()
        except NotFoundError:
            return self._elsewhere.whole(owner, task_id)

    async def follow(self, context: Context, task_ids: Sequence[str]) -> list[str]:
        """Those tasks of other servers that are the caller's; they are known here until :meth:`leave`."""
        return await self._elsewhere.follow(exchange_of(context).caller.id, task_ids)

    def leave(self, context: Context, task_ids: Sequence[str]) -> None:
        """A stream tells of these, which it followed, no longer."""
        self._elsewhere.leave(exchange_of(context).caller.id, task_ids)

    async def _get(self, context: Context, params: _OfTask) -> JsonObject:
        return {"_meta": self._meta, "resultType": "complete", **self._found(context, params).whole()}

    async def _update(self, context: Context, params: _Update) -> JsonObject:
        self._found(context, params).give(params.input_responses)
        return {"_meta": self._meta, "resultType": "complete"}

    async def _cancel(self, context: Context, params: _OfTask) -> JsonObject:
        self._found(context, params).cancel()
        return {"_meta": self._meta, "resultType": "complete"}

    def _found(self, context: Context, params: _OfTask) -> Deferral:
        exchange = exchange_of(context)
        exchange.tool = context.method
        if context.protocol_version == MODERN and decoded_header(exchange.headers.get(b"mcp-name")) != params.task_id:
            exchange.error = str(HEADER_MISMATCH)
            raise MCPError(HEADER_MISMATCH, "mcp-name header does not match the request body's 'taskId' parameter")
        if not declares(context):
            exchange.error = str(MISSING_REQUIRED_CLIENT_CAPABILITY)
            raise missing()
        try:
            return self._deferrals.find(exchange.caller.id, params.task_id)
        except NotFoundError as error:
            exchange.error = error.code
            raise MCPError(INVALID_PARAMS, str(error)) from None


def declares(context: Context) -> bool:
    """Whether the client has declared the extension with this request."""
    capabilities = context.session.client_capabilities
    extensions = None if capabilities is None else capabilities.extensions
    return context.protocol_version == MODERN and extensions is not None and TASKS in extensions


def missing() -> MCPError:
    """The refusal of what only clients may ask for, or get, that declare the extension."""
    needed: JsonObject = {"requiredCapabilities": {"extensions": {TASKS: {}}}}
    return MCPError(MISSING_REQUIRED_CLIENT_CAPABILITY, f"It takes the client capability {TASKS}.", needed)


class _Nobody:
    """Who is asked where the call is not deferred."""

    async def ask(self, requests: JsonObject) -> dict[str, Any]:
        del requests
        raise missing()


_NOBODY: Final = _Nobody()


async def _work(exchange: Exchange, deferred: Deferred, asking: Deferral, settle: Settle) -> Outcome:
    """Does the work, for as long as the token that asked for it is good."""
    work = asyncio.ensure_future(settle(deferred.work(asking)))
    lapsed = None if exchange.standing is None else asyncio.ensure_future(exchange.standing.lapsed())
    try:
        await asyncio.wait({work, *([] if lapsed is None else [lapsed])}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            asking.cancel()
        return await work
    finally:
        work.cancel()
        if lapsed is not None:
            lapsed.cancel()
