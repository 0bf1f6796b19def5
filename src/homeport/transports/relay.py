"""Requests that belong to another server of the environment: they are handed on to it, and its answer is given.

A stream of the older transport, and a call that is answered later, live in the server where they began; their ids say
which. A proxy sends what follows to any server. Who asks was found out here, and is told along: the other server does
not judge the token again, and no token is handed on.
"""

from __future__ import annotations

import asyncio
import base64
import re
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any, Final
from urllib.parse import parse_qs

from homeport.coordination.values import JsonObject
from homeport.errors import CallError
from homeport.operations.caller import Caller
from homeport.transports.exchange import Exchange, Header, Message
from homeport.transports.fastpath import decoded_header
from homeport.transports.log import Log
from homeport.transports.others import Others

ANSWER_SECONDS: Final = 5.0
"""For the other server; one that does not answer for so long is gone, and with it what began there."""
GONE_SECONDS: Final = 30.0
"""For so long nobody waits for it again."""
MOST_GONE: Final = 1_000
"""That are remembered."""
MARK: Final = "."
"""Between the server's name and the rest of an id."""
_NAME: Final = re.compile(r"[a-z0-9]{1,40}")
_TASKS: Final = frozenset({b"tasks/get", b"tasks/update", b"tasks/cancel"})
_HANDED_ON: Final = (b"content-type", b"accept")

Answer = Callable[[Exchange], Awaitable[None]]


class Relay:
    """Hands requests on, and answers those that were handed on to this server.

    Args:
        others: the servers.
        answer: answers a request of a caller who is known.
        environment: the header of every response.
        log: learns of failures.
        monotonic: seconds.
    """

    def __init__(
        self,
        others: Others,
        answer: Answer,
        environment: Header,
        log: Log,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._others = others
        self._answer = answer
        self._environment = environment
        self._log = log
        self._monotonic = monotonic
        self._waiting: dict[str, asyncio.Future[JsonObject]] = {}
        self._gone: dict[str, float] = {}
        self._working: set[asyncio.Task[None]] = set()
        others.on("request", self._asked)
        others.on("answer", self._answered)

    async def answers(self, exchange: Exchange) -> bool:
        """Whether the request is another server's, and was answered with what that said."""
        if self._others.alone:
            return False
        owner = owner_of(exchange)
        if owner in ("", self._others.me) or self._gone.get(owner, 0.0) > self._monotonic():
            return False
        found = await self._handed_on(exchange, owner)
        if found is None:
            # A client may name whatever it likes.
            self._gone.pop(owner, None)
            self._gone[owner] = self._monotonic() + GONE_SECONDS
            if len(self._gone) > MOST_GONE:
                del self._gone[next(iter(self._gone))]
            return False
        body = base64.b64decode(found["body"])
        exchange.error = found["error"]
        if found["status"] == 202 and not body:
            await exchange.accepted()
        else:
            await exchange.respond(found["status"], body, found["type"].encode("latin-1"))
        return True

    async def _handed_on(self, exchange: Exchange, owner: str) -> JsonObject | None:
        """What the other server answers; None where it is gone."""
        number = secrets.token_hex(8)
        future: asyncio.Future[JsonObject] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        headers = [
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in exchange.headers.items()
            if name in _HANDED_ON or name.startswith(b"mcp-")
        ]
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._others.say(
                    "request",
                    **{"to": owner, "from": self._others.me, "number": number, "id": exchange.request_id},
                    method=exchange.method,
                    path=exchange.path,
                    headers=headers,
                    query=exchange.scope["query_string"].decode("latin-1"),
                    body=base64.b64encode(await exchange.kept_body()).decode(),
                    caller=asdict(exchange.caller),
                    client=exchange.client,
                )
                return await future
        except (TimeoutError, CallError):
            return None
        finally:
            del self._waiting[number]

    def _asked(self, said: JsonObject) -> None:
        if said["to"] == self._others.me:
            task = asyncio.create_task(self._carry_out(said))
            self._working.add(task)
            task.add_done_callback(self._working.discard)

    def _answered(self, said: JsonObject) -> None:
        future = self._waiting.get(said["number"])
        if future is not None and not future.done():
            future.set_result(said)

    async def _carry_out(self, said: JsonObject) -> None:
        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append(message)

        exchange = Exchange(_scope(said), _receive(said), send, said["id"], self._environment)
        exchange.caller, exchange.client = Caller(**said["caller"]), said["client"]
        try:
            await self._answer(exchange)
            await self._others.say("answer", number=said["number"], error=exchange.error, **_response(sent))
        except CallError as error:
            self._log.event("warning", "another server's request was not answered", reason=str(error))
        except Exception as error:  # noqa: BLE001 - logged; the other server answers as if this one were gone
            self._log.failure("another server's request failed", error)


def owner_of(exchange: Exchange) -> str:
    """The server that a request's own words say it belongs to; empty where they say none."""
    if exchange.headers.get(b"mcp-method", b"").strip() in _TASKS:
        named = decoded_header(exchange.headers.get(b"mcp-name")) or ""
    elif b"session_id=" in exchange.scope["query_string"]:
        named = parse_qs(exchange.scope["query_string"].decode("latin-1")).get("session_id", [""])[-1]
    else:
        return ""
    return server_of(named)


def server_of(text: str) -> str:
    """The server that an id says it belongs to; empty where it says none."""
    name, mark, _ = text.partition(MARK)
    return name if mark and _NAME.fullmatch(name) else ""


def owned(me: str, text: str) -> str:
    """An id that says which server it belongs to; a server that is alone says nothing."""
    return f"{me}{MARK}{text}" if me else text


def _scope(said: JsonObject) -> dict[str, Any]:
    return {
        "type": "http",
        "method": said["method"],
        "path": said["path"],
        "query_string": said["query"].encode("latin-1"),
        "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in said["headers"]],
        "client": (said["client"], 0),
    }


def _receive(said: JsonObject) -> Callable[[], Awaitable[Message]]:
    pending: list[Message] = [{"type": "http.request", "body": base64.b64decode(said["body"]), "more_body": False}]

    async def receive() -> Message:
        if not pending:
            # Whoever asked is not here and so cannot leave; the answer is short.
            await asyncio.get_running_loop().create_future()
        return pending.pop()

    return receive


def _response(sent: list[Message]) -> JsonObject:
    nothing: Message = {"status": 500, "headers": []}
    start = next((one for one in sent if one["type"] == "http.response.start"), nothing)
    body = b"".join(one.get("body", b"") for one in sent if one["type"] == "http.response.body")
    kind = dict(start["headers"]).get(b"content-type", b"application/json")
    return {"status": start["status"], "type": kind.decode("latin-1"), "body": base64.b64encode(body).decode()}
