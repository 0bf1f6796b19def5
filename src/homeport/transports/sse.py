"""HTTP+SSE, the transport of 2024-11-05: ``GET /sse`` opens a stream for answers, requests go to ``/messages``."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

from homeport.transports import jsonrpc
from homeport.transports.exchange import Exchange
from homeport.transports.jsonrpc import INVALID_REQUEST, PARSE_ERROR, MalformedError
from homeport.transports.official import Conversation, Official
from homeport.transports.outbox import Outbox, event
from homeport.transports.places import NoPlaceError, Places
from homeport.transports.prefix import PREFIX, outer_prefix
from homeport.transports.relay import owned
from homeport.transports.streams import stream
from homeport.transports.subscriptions import LISTS, Subscriptions, told

STREAM: Final = "/sse"
MESSAGES: Final = "/messages"
MAX_IN_FLIGHT: Final = 100
"""Requests of one client that are not answered yet."""
MAX_BATCH: Final = 50

_JSON: Final = b"application/json"


class SseSession:
    """One client, for as long as its stream is open.

    Args:
        caller: the id of who opened it; nobody else's requests belong to it.
        outbox: of its stream.
    """

    def __init__(self, caller: str, outbox: Outbox) -> None:
        self.caller = caller
        self.outbox = outbox
        self.conversation: Conversation | None = None
        self.closing = False

    def settle(self) -> None:
        """Ends the stream of a server that is going, once nothing is owed to the client."""
        if self.closing and (self.conversation is None or not self.conversation.owed):
            self.outbox.end()


class SseEndpoint:
    """Answers on the SSE port.

    Args:
        official: the SDK, which holds the conversation.
        places: for streams.
        subscriptions: who wants to be told of what.
        me: what this server is called among others of its environment.
    """

    def __init__(self, official: Official, places: Places, subscriptions: Subscriptions, me: str = "") -> None:
        self._official = official
        self._me = me
        self._places = places
        self._subscriptions = subscriptions
        self._sessions: dict[str, SseSession] = {}

    async def __call__(self, exchange: Exchange) -> None:
        path = exchange.path.rstrip("/")
        if path.endswith(STREAM) and PREFIX.fullmatch(path):
            if exchange.method == "GET":
                await self._open(exchange, path.removesuffix(STREAM))
            else:
                # What a client that tries the newer transport first takes for "there is only the older one".
                await _wrong_method(exchange, "GET")
        elif path.endswith(MESSAGES):
            if exchange.method == "POST":
                await self._take(exchange)
            else:
                await _wrong_method(exchange, "POST")
        else:
            hint = f"This port has GET {STREAM} alone; all else is on the HTTP port."
            await exchange.problem(404, {"code": "not_found", "message": "There is nothing here.", "hint": hint})

    def close(self) -> None:
        """Ends each stream as soon as what its client asked for is answered."""
        for session in self._sessions.values():
            session.closing = True
            session.settle()

    async def _open(self, exchange: Exchange, prefix: str) -> None:
        try:
            with self._places.taken(exchange):
                await self._converse(exchange, outer_prefix(exchange) + prefix)
        except NoPlaceError as error:
            await error.answer(exchange)

    async def _converse(self, exchange: Exchange, prefix: str) -> None:
        outbox = Outbox(told)
        session = SseSession(exchange.caller.id, outbox)
        session_id = owned(self._me, secrets.token_urlsafe(24))
        self._subscriptions.add(outbox, LISTS)
        try:
            async with self._official.conversation(outbox, session.settle) as session.conversation:
                outbox.put(event(f"{prefix}{MESSAGES}?session_id={session_id}".encode(), b"endpoint"))
                # Not before: a server that is going would end the stream without a word.
                self._sessions[session_id] = session
                session.closing = self._places.closing
                session.settle()
                await stream(exchange, outbox.frames())
        finally:
            self._sessions.pop(session_id, None)
            self._subscriptions.drop(outbox)

    async def _take(self, exchange: Exchange) -> None:
        query = dict(parse_qsl(exchange.scope["query_string"].decode("latin-1")))
        session = self._sessions.get(query.get("session_id", ""))
        # A stranger learns no more of a session that exists than of one that does not.
        if session is None or session.conversation is None or session.caller != exchange.caller.id:
            hint = f"Open the stream anew (GET {STREAM}) and post to the endpoint that it names."
            error = {"code": "not_found", "message": "There is no such session, or its stream has ended.", "hint": hint}
            await exchange.problem(404, dict(error))
            return
        kind = exchange.headers.get(b"content-type", _JSON).partition(b";")[0].strip().lower()
        if kind != _JSON:
            await _refuse(exchange, 415, INVALID_REQUEST, "Send the body as Content-Type: application/json.")
            return
        try:
            body = jsonrpc.parse(await exchange.body())
        except MalformedError as error:
            await _refuse(exchange, 400, PARSE_ERROR, str(error))
            return
        messages = body if isinstance(body, list) else [body]
        if not 0 < len(messages) <= MAX_BATCH or not all(map(session.conversation.understands, messages)):
            await _refuse(exchange, 400, INVALID_REQUEST, "The body is no JSON-RPC message, nor a batch of such.")
        elif len(session.conversation.owed) + len(messages) > MAX_IN_FLIGHT:
            text = f"{MAX_IN_FLIGHT} requests are not answered yet."
            await exchange.problem(429, {"code": "limited", "message": text}, [(b"retry-after", b"1")])
        else:
            _note(exchange, messages)
            await exchange.accepted()
            for message in messages:
                await session.conversation.say(exchange, message)


def _note(exchange: Exchange, messages: list[Mapping[str, Any]]) -> None:
    """The line of the log says which tool was called; how it went is known only later."""
    for message in messages:
        match message:
            case {"method": "tools/call", "params": {"name": str() as name}}:
                exchange.tool = name


async def _wrong_method(exchange: Exchange, allowed: str) -> None:
    error = {"code": "method", "message": f"{exchange.path} takes {allowed}, not {exchange.method}."}
    await exchange.problem(405, dict(error), [(b"allow", allowed.encode())])


async def _refuse(exchange: Exchange, status: int, code: int, text: str) -> None:
    exchange.error = str(code)
    await exchange.respond(status, jsonrpc.error_response(None, code, text))
