"""``/mcp`` for the revisions with ``initialize``: what is not a plain call, and what a session is for."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

from homeport.coordination import watches
from homeport.coordination.values import JsonObject
from homeport.transports import fastpath, jsonrpc
from homeport.transports.exchange import Exchange
from homeport.transports.jsonrpc import INVALID_REQUEST, METHOD_NOT_FOUND
from homeport.transports.official import Official
from homeport.transports.others import Others
from homeport.transports.places import NoPlaceError
from homeport.transports.results import MODERN
from homeport.transports.sessions import HEADER, Key, Sessions, key_of, new_id

T = TypeVar("T")

OLDEST_UNNAMED: Final = "2025-03-26"
"""What a request is of that names no revision, and yet knows sessions."""
_WATCHING: Final = frozenset({"resources/subscribe", "resources/unsubscribe", "logging/setLevel"})
_CANCELLED: Final = "notifications/cancelled"


class CallCancelledError(Exception):
    """The client has cancelled the request."""


class Legacy:
    """Answers requests that may belong to a session.

    Args:
        official: the SDK.
        sessions: what is remembered between requests.
        extras: tools that may ask the client something while they work.
        others: the servers that a call may have come to which the client cancels.
    """

    def __init__(self, official: Official, sessions: Sessions, extras: frozenset[str], others: Others) -> None:
        self._official = official
        self._sessions = sessions
        self._extras = extras
        self._calls: dict[tuple[Key, str | int], asyncio.Task[Any]] = {}
        self._others = others
        others.on("cancel", self._cancelled_elsewhere)

    async def without_body(self, exchange: Exchange) -> None:
        """Opens a session's stream, or ends the session."""
        is_modern = exchange.headers.get(b"mcp-protocol-version", b"").strip() == MODERN.encode()
        if is_modern or key_of(exchange) is None or exchange.method not in ("GET", "DELETE"):
            text = "Only POST: there is no stream without the Mcp-Session-Id that initialize answers with."
            await _refuse(exchange, 405, METHOD_NOT_FOUND, text, (b"allow", b"POST"))
        elif self.has_ended(exchange):
            await self.refuse_ended(exchange)
        elif exchange.method == "DELETE":
            await self._sessions.forget(exchange)
            await exchange.respond(200, b"{}")
        elif fastpath.accepts(exchange.headers.get(b"accept")).events:
            await self._sessions.stream(exchange)
        else:
            await _refuse(exchange, 406, INVALID_REQUEST, "A stream is sent to who accepts text/event-stream.")

    def has_ended(self, exchange: Exchange) -> bool:
        """Whether the client has ended the session that it names."""
        return self._sessions.has_ended(exchange)

    async def refuse_ended(self, exchange: Exchange) -> None:
        """404, which tells a client to initialise anew: it alone can have ended the session."""
        await _refuse(
            exchange, 404, INVALID_REQUEST, "This session was ended by its client; initialize begins another."
        )

    async def answer(self, exchange: Exchange, body: bytes, message: object, version: str, *, plain: bool) -> None:
        """Lets the SDK answer; with what it needs to know of the session.

        Args:
            exchange: the request.
            body: of it.
            message: what the body says.
            version: the revision.
            plain: answer with one JSON body.
        """
        given: dict[str, Any] = message if isinstance(message, dict) else {}
        method = given.get("method")
        key = key_of(exchange)
        watcher = None
        if method == "initialize":
            exchange.carry([(HEADER, new_id())])
        elif key is not None and method == _CANCELLED:
            self._cancel(key, given)
        try:
            if method in _WATCHING:
                watcher = await self._sessions.remembered(exchange)
            if key is not None and self._asks_back(given, key):
                await self._official.handle_in_session(exchange, body, key, version)
            else:
                await self._official.handle(exchange, body, plain=plain, watcher=watcher)
        except NoPlaceError as error:
            await error.answer(exchange)

    async def cancellable(self, exchange: Exchange, request_id: str | int, work: Coroutine[Any, Any, T]) -> T:
        """Does work that the client's session may cancel.

        Raises:
            CallCancelledError: it did.
        """
        key = key_of(exchange)
        if key is None:
            return await work
        task = asyncio.ensure_future(work)
        self._calls[key, request_id] = task
        try:
            return await task
        except asyncio.CancelledError:
            current = asyncio.current_task()
            if current is not None and current.cancelling():
                task.cancel()
                raise
            raise CallCancelledError from None
        finally:
            if self._calls.get((key, request_id)) is task:
                del self._calls[key, request_id]

    def _cancel(self, key: Key, message: dict[str, Any]) -> None:
        match message:
            case {"params": {"requestId": str() | int() as request_id}}:
                task = self._calls.get((key, request_id))
                if task is not None:
                    task.cancel()
                else:
                    self._others.tell("cancel", session=watches.name_of(*key), request=request_id)

    def _cancelled_elsewhere(self, said: JsonObject) -> None:
        for (key, request_id), task in self._calls.items():
            if request_id == said["request"] and watches.name_of(*key) == said["session"]:
                task.cancel()

    def _asks_back(self, message: dict[str, Any], key: Key) -> bool:
        """Whether it is a call that may ask the client, or the client's answer, or ends one of these."""
        match message:
            case {"method": "tools/call", "params": {"name": str() as name}}:
                return name in self._extras
            case {"method": str() as method}:
                return method == _CANCELLED and self._official.knows(key)
            case _:
                return self._official.knows(key)


async def _refuse(exchange: Exchange, status: int, code: int, text: str, *headers: tuple[bytes, bytes]) -> None:
    exchange.error = str(code)
    await exchange.respond(status, jsonrpc.error_response(None, code, text), headers=headers)
