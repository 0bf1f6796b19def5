"""Clients that name no protocol revision: those of the earlier server, which never initialise.

They post a request and read ``result.data``, parse ``result.content[0].text``, or read ``error``. Since they
name no revision, nothing but ``initialize`` of theirs can be for the SDK.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Final

import orjson

from homeport.coordination.values import did_you_mean
from homeport.errors import CallError, UnauthorizedError
from homeport.operations.dispatcher import Dispatcher
from homeport.transports import jsonrpc, listing
from homeport.transports.calls import carry_out
from homeport.transports.exchange import ClientGoneError, Exchange
from homeport.transports.jsonrpc import INTERNAL_ERROR, INVALID_PARAMS, INVALID_REQUEST, METHOD_NOT_FOUND
from homeport.transports.log import Log
from homeport.transports.results import Era, Results

METHODS: Final = ("initialize", "ping", "tools/list", "tools/call")
MAX_BATCH: Final = 50


class Unversioned:
    """Answers what such clients post.

    Args:
        dispatcher: runs the operations.
        results: builds what ``tools/call`` answers.
        log: learns of failures.
    """

    def __init__(self, dispatcher: Dispatcher, results: Results, log: Log) -> None:
        self._dispatcher = dispatcher
        self._results = results
        self._log = log

    @cached_property
    def _tools(self) -> dict[str, Any]:
        return {"tools": listing.tools(self._dispatcher.catalogue, Era.UNVERSIONED)}

    async def answer(self, exchange: Exchange, message: object) -> None:
        """Answers one message, or a batch of them."""
        if isinstance(message, list):
            await self._batch(exchange, message)
            return
        reply = await self._reply(exchange, message)
        if reply is None:
            await exchange.accepted()
            return
        malformed = reply.get("id") is None
        await exchange.respond(400 if malformed else 200, orjson.dumps(reply))

    async def _batch(self, exchange: Exchange, messages: list[object]) -> None:
        if not 0 < len(messages) <= MAX_BATCH:
            exchange.error = str(INVALID_REQUEST)
            text = f"A batch has 1 to {MAX_BATCH} messages, not {len(messages)}."
            await exchange.respond(400, jsonrpc.error_response(None, INVALID_REQUEST, text))
            return
        replies = [await self._reply(exchange, message) for message in messages]
        owed = [reply for reply in replies if reply is not None]
        if owed:
            await exchange.respond(200, orjson.dumps(owed))
        else:
            await exchange.accepted()

    async def _reply(self, exchange: Exchange, message: object) -> dict[str, Any] | None:
        """The response that is owed; None to a notification or a response."""
        if not isinstance(message, dict):
            return _error(exchange, None, INVALID_REQUEST, "A message is a JSON object.")
        method = message.get("method")
        if method is None and ("result" in message or "error" in message):
            return None
        request_id = message.get("id")
        readable = request_id if jsonrpc.is_request_id(request_id) else None
        if not isinstance(method, str) or message.get("jsonrpc", "2.0") != "2.0":
            return _error(exchange, readable, INVALID_REQUEST, 'A request has "jsonrpc": "2.0", "id" and "method".')
        if "id" not in message:
            return None
        if readable is None:
            return _error(exchange, None, INVALID_REQUEST, 'The "id" of a request is a string or an integer.')
        return await self._respond(exchange, readable, method, message.get("params", {}))

    async def _respond(
        self, exchange: Exchange, request_id: jsonrpc.RequestId, method: str, params: object
    ) -> dict[str, Any]:
        if not isinstance(params, dict):
            return _error(exchange, request_id, INVALID_PARAMS, '"params" is an object.')
        match method:
            case "ping":
                return _result(request_id, {})
            case "tools/list":
                return _result(request_id, self._tools)
            case "tools/call":
                return await self._call(exchange, request_id, params)
            case "initialize":
                return _error(exchange, request_id, INVALID_REQUEST, "initialize stands alone, not in a batch.")
            case _:
                text = f"There is no method {method!r}. {did_you_mean(method, list(METHODS))}"
                return _error(exchange, request_id, METHOD_NOT_FOUND, text.strip())

    async def _call(
        self, exchange: Exchange, request_id: jsonrpc.RequestId, params: Mapping[str, Any]
    ) -> dict[str, Any]:
        name = params.get("name")
        arguments = params.get("arguments")
        if not isinstance(name, str) or not isinstance(arguments, dict | None):
            text = 'tools/call takes "name", a string, and "arguments", an object.'
            return _error(exchange, request_id, INVALID_PARAMS, text)
        if name not in self._dispatcher.catalogue:
            near = did_you_mean(name, list(self._dispatcher.catalogue))
            return _error(exchange, request_id, INVALID_PARAMS, f"There is no tool {name!r}. {near}".strip())
        try:
            answer = await carry_out(self._dispatcher, exchange, name, arguments)
        except (ClientGoneError, UnauthorizedError):
            # Of a batch, the rest is not carried out either.
            raise
        except CallError as error:
            exchange.error = error.code
            return {"jsonrpc": "2.0", "id": request_id, "error": jsonrpc.refused(error)}
        except Exception as error:  # noqa: BLE001 - logged, and told without its inside
            self._log.failure("call failed", error, request_id=exchange.request_id, tool=name)
            return _error(exchange, request_id, INTERNAL_ERROR, internal(exchange.request_id))
        return _result(request_id, self._results.answer(Era.UNVERSIONED, name, answer))


def internal(request_id: str) -> str:
    """All that a caller learns of a failure inside."""
    return f"Internal error. The server's log has it under {request_id}."


def _result(request_id: jsonrpc.RequestId, result: object) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": request_id, "result": result}


def _error(exchange: Exchange, request_id: jsonrpc.RequestId, code: int, text: str) -> dict[str, Any]:
    exchange.error = str(code)
    return {"jsonrpc": "2.0", "id": request_id, "error": jsonrpc.error_object(code, text)}
