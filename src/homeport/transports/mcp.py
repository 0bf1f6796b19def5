"""``/mcp``: who answers. Plain calls go the lean way, clients without a revision have their own, else the SDK."""

from __future__ import annotations

from typing import Final

from homeport.errors import CallError, UnauthorizedError
from homeport.operations.dispatcher import Dispatcher
from homeport.transports import fastpath, jsonrpc
from homeport.transports.calls import carry_out
from homeport.transports.exchange import BodyRefusedError, ClientGoneError, Exchange
from homeport.transports.jsonrpc import (
    HEADER_MISMATCH,
    INTERNAL_ERROR,
    INVALID_REQUEST,
    PARSE_ERROR,
    MalformedError,
)
from homeport.transports.legacy import OLDEST_UNNAMED, CallCancelledError, Legacy
from homeport.transports.log import Log
from homeport.transports.official import Official
from homeport.transports.results import LEGACY, MODERN, Era, Results
from homeport.transports.unversioned import Unversioned, internal

_VERSION: Final = b"mcp-protocol-version"
_MODERN: Final = MODERN.encode()
_LEGACY: Final = frozenset(version.encode() for version in LEGACY)
_VERSION_KEY: Final = "io.modelcontextprotocol/protocolVersion"
_WITH_BATCHES: Final = frozenset({b"2024-11-05", b"2025-03-26"})
_FOR_THE_SDK: Final = frozenset(
    {
        "initialize",
        "notifications/cancelled",
        *("resources/list", "resources/templates/list", "resources/read"),
        *("resources/subscribe", "resources/unsubscribe"),
        *("prompts/list", "prompts/get", "completion/complete", "logging/setLevel"),
    }
)
"""What clients of 2025-03-26 ask for after they have initialised: they do not repeat the revision in a header."""
REQUEST_CANCELLED: Final = -32800
"""As the SDK answers, after the Language Server Protocol."""


class McpEndpoint:
    """Answers requests to ``/mcp``.

    Args:
        dispatcher: runs the operations.
        results: builds what ``tools/call`` answers.
        official: the SDK.
        legacy: knows sessions.
        log: learns of failures.
    """

    def __init__(self, dispatcher: Dispatcher, results: Results, official: Official, legacy: Legacy, log: Log) -> None:
        self._dispatcher = dispatcher
        self._results = results
        self._official = official
        self._legacy = legacy
        self._log = log
        self._waits = {name for name, one in dispatcher.catalogue.items() if one.kind == "wait"}
        self._unversioned = Unversioned(dispatcher, results, log)

    async def __call__(self, exchange: Exchange) -> None:
        if exchange.method != "POST":
            await self._legacy.without_body(exchange)
            return
        try:
            body = await exchange.body()
            message = jsonrpc.parse(body)
        except BodyRefusedError as error:
            await _refuse(exchange, error.status, INVALID_REQUEST, error.sentence, b"connection: close")
            return
        except MalformedError as error:
            await _refuse(exchange, 400, PARSE_ERROR, str(error))
            return
        exchange.rpc_id = _id(message)
        version = exchange.headers.get(_VERSION, b"").strip()
        if version != _MODERN and self._legacy.has_ended(exchange):
            await self._legacy.refuse_ended(exchange)
        elif version == _MODERN:
            call = fastpath.modern(exchange, message, self._dispatcher.catalogue)
            if call is not None and not (call.name in self._waits and fastpath.declares_tasks(message)):
                await self._call(exchange, Era.MODERN, call)
            else:
                await self._official.handle(exchange, body)
        elif version in _LEGACY:
            await self._older(exchange, body, message, version)
        elif version:
            await self._official.handle(exchange, body)
        else:
            await self._without_version(exchange, body, message)

    async def _older(self, exchange: Exchange, body: bytes, message: object, version: bytes) -> None:
        call = fastpath.legacy(exchange, message, self._dispatcher.catalogue)
        if call is not None:
            await self._call(exchange, Era.LEGACY, call)
        elif isinstance(message, list) and version in _WITH_BATCHES:
            await self._unversioned.answer(exchange, message)
        else:
            # Who asked for no progress gets nothing but the answer: one JSON body, no stream.
            plain = fastpath.accepts(exchange.headers.get(b"accept")).json and not _wants_progress(message)
            await self._legacy.answer(exchange, body, message, version.decode(), plain=plain)

    async def _call(self, exchange: Exchange, era: Era, call: fastpath.PlainCall) -> None:
        try:
            work = carry_out(self._dispatcher, exchange, call.name, call.arguments)
            if era is Era.LEGACY and self._dispatcher.catalogue[call.name].kind == "wait":
                work = self._legacy.cancellable(exchange, call.id, work)
            answer = await work
            result = self._results.answer(era, call.name, answer)
        except CallCancelledError:
            # The newest revision leaves a cancelled request unanswered; these have to end it with something.
            exchange.error = str(REQUEST_CANCELLED)
            await exchange.respond(200, jsonrpc.error_response(call.id, REQUEST_CANCELLED, "Request cancelled"))
            return
        except (ClientGoneError, UnauthorizedError):
            raise
        except CallError as error:
            exchange.error = error.code
            result = self._results.refusal(era, error)
        except Exception as error:  # noqa: BLE001 - logged, and told without its inside
            exchange.error = str(INTERNAL_ERROR)
            self._log.failure("call failed", error, request_id=exchange.request_id, tool=call.name)
            told = jsonrpc.error_response(call.id, INTERNAL_ERROR, internal(exchange.request_id))
            await exchange.respond(200, told)
            return
        await exchange.respond(200, jsonrpc.response(call.id, result))

    async def _without_version(self, exchange: Exchange, body: bytes, message: object) -> None:
        kind = exchange.headers.get(b"content-type", b"application/json").partition(b";")[0].strip().lower()
        if kind != b"application/json":
            await _refuse(exchange, 415, INVALID_REQUEST, "Send the body as Content-Type: application/json.")
        elif _names_modern(message):
            text = f"The header MCP-Protocol-Version is missing; the body is of {MODERN}."
            await _refuse(exchange, 400, HEADER_MISMATCH, text, request_id=_id(message))
        elif isinstance(message, dict) and message.get("method") in _FOR_THE_SDK:
            await self._legacy.answer(exchange, body, message, OLDEST_UNNAMED, plain=True)
        else:
            await self._unversioned.answer(exchange, message)


def _wants_progress(message: object) -> bool:
    match message:
        case {"params": {"_meta": {"progressToken": _}}}:
            return True
        case _:
            return False


def _names_modern(message: object) -> bool:
    match message:
        case {"params": {"_meta": dict() as meta}}:
            return _VERSION_KEY in meta
        case _:
            return False


def _id(message: object) -> str | int | None:
    request_id = message.get("id") if isinstance(message, dict) else None
    return request_id if jsonrpc.is_request_id(request_id) else None


async def _refuse(
    exchange: Exchange,
    status: int,
    code: int,
    text: str,
    header: bytes = b"",
    request_id: str | int | None = None,
) -> None:
    exchange.error = str(code)
    name, _, value = header.partition(b": ")
    headers = [(name, value)] if name else []
    await exchange.respond(status, jsonrpc.error_response(request_id, code, text), headers=headers)
