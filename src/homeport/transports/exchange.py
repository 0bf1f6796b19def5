"""One HTTP request and its response, on bare ASGI: what every endpoint is handed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from contextlib import suppress
from typing import Any, Final, Protocol

import orjson

from homeport.contract import ENVIRONMENT_HEADER, REQUEST_ID_HEADER
from homeport.errors import UnauthorizedError
from homeport.operations.caller import ANYBODY, Caller

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Header = tuple[bytes, bytes]

MAX_BODY: Final = 1 << 20
"""Bytes of a request's body."""
BODY_SECONDS: Final = 15.0
"""In which a request's body must have arrived."""

FINISH_SECONDS: Final = 1.0
"""In which the end of an answer that is cut off must have been taken; a client may have stopped reading."""

JSON: Final = b"application/json"
UNIX_PEER: Final = "unix"
"""Who calls by a unix socket: such a connection has no address."""
_REQUEST_ID: Final = REQUEST_ID_HEADER.lower().encode()


_NONE: Final[dict[str, Any]] = {}
SHORTCUT: Final = "homeport.shortcut"
"""The extension of a connection that does in one step what takes ASGI several; servers of others do not have it."""


class Shortcut(Protocol):
    """See :mod:`homeport.server.shortcut`."""

    def body(self) -> bytes | None: ...

    def respond(self, status: int, headers: Iterable[Header], body: bytes) -> bool: ...


class BodyRefusedError(Exception):
    """A body that is too large or too slow; the connection cannot be used again.

    Args:
        status: for the response.
        sentence: what is wrong.
    """

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence


class ClientGoneError(Exception):
    """The client closed the connection before it got its answer."""


class Standing(Protocol):
    """On what ground a request was let in."""

    async def lapsed(self) -> UnauthorizedError:
        """Waits until that ground is gone; says why."""


def environment_header(environment: str) -> Header:
    """The header that every response carries."""
    return ENVIRONMENT_HEADER.lower().encode(), environment.encode()


class Exchange:
    """A request, and the one response to it.

    Attributes:
        method: as in the request line.
        path: decoded.
        headers: the last of each name, lower case; :attr:`repeated` says whether one came twice.
        request_id: for the response, the log and internal errors.
        status: of the response; 0 before it began.
        tool: the operation that was called, for the log.
        error: the code of what was refused, for the log.
        complete: whether all of a response was sent through :meth:`send`.
        caller: in whose name operations run.
        standing: of the token that was shown; None where none was needed.
        rpc_id: of the JSON-RPC request that is carried out, for who must end it.
        client: the address that the request came from; a proxy's own where it does not tell of another.
    """

    __slots__ = (
        "_common",
        "_kept",
        "_send",
        "_shortcut",
        "caller",
        "client",
        "complete",
        "error",
        "headers",
        "method",
        "path",
        "receive",
        "repeated",
        "request_id",
        "rpc_id",
        "scope",
        "standing",
        "status",
        "tool",
    )

    def __init__(self, scope: Scope, receive: Receive, send: Send, request_id: str, environment: Header) -> None:
        self.scope = scope
        self.receive = receive
        self._send = send
        self._shortcut: Shortcut | None = scope.get("extensions", _NONE).get(SHORTCUT)
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.repeated = len(self.headers) != len(scope["headers"])
        self.request_id = request_id
        self._kept: bytes | None = None
        self._common: tuple[Header, ...] = (environment, (_REQUEST_ID, request_id.encode()))
        self.status = 0
        self.tool: str | None = None
        self.error: str | None = None
        self.caller: Caller = ANYBODY
        self.standing: Standing | None = None
        self.rpc_id: str | int | None = None
        self.complete = False
        peer = scope.get("client")
        self.client: str = peer[0] if peer else UNIX_PEER

    def name(self, request_id: bytes) -> None:
        """Takes the id that the client, or a proxy before it, has given."""
        self.request_id = request_id.decode()
        self._common = (self._common[0], (_REQUEST_ID, request_id))

    def carry(self, headers: Iterable[Header]) -> None:
        """Adds headers to the response, whoever makes it."""
        self._common = (*self._common, *headers)

    async def body(self) -> bytes:
        """The whole body of the request.

        Raises:
            BodyRefusedError: over :data:`MAX_BODY`, or not here within :data:`BODY_SECONDS`.
            ClientGoneError: the client left.
        """
        if self._kept is not None:
            return self._kept
        declared = self.headers.get(b"content-length", b"")
        if len(declared) > len(str(MAX_BODY)) or (declared.isdigit() and int(declared) > MAX_BODY):
            raise _too_large()
        here = self._shortcut.body() if self._shortcut is not None else None
        if here is not None:
            if len(here) > MAX_BODY:
                raise _too_large()
            return here
        try:
            async with asyncio.timeout(BODY_SECONDS):
                return await self._whole()
        except TimeoutError:
            raise BodyRefusedError(408, f"The body did not arrive within {BODY_SECONDS:.0f} seconds.") from None

    async def kept_body(self) -> bytes:
        """The body, which can be read once more after this."""
        self._kept = await self.body()
        return self._kept

    async def _whole(self) -> bytes:
        parts = bytearray()
        while True:
            message = await self.receive()
            if message["type"] != "http.request":
                raise ClientGoneError
            parts += message.get("body", b"")
            if len(parts) > MAX_BODY:
                raise _too_large()
            if not message.get("more_body"):
                return bytes(parts)

    async def gone(self) -> None:
        """Returns when the client has closed the connection; to be asked once the body was read."""
        while (await self.receive())["type"] != "http.disconnect":
            pass

    async def over(self) -> UnauthorizedError | None:
        """Waits until nobody is to be answered any more: the client has left, or its token opens nothing, and why."""
        if self.standing is None:
            await self.gone()
            return None
        gone = asyncio.ensure_future(self.gone())
        lapsed = asyncio.ensure_future(self.standing.lapsed())
        try:
            await asyncio.wait({gone, lapsed}, return_when=asyncio.FIRST_COMPLETED)
            return None if gone.done() else lapsed.result()
        finally:
            gone.cancel()
            lapsed.cancel()

    async def finish(self) -> None:
        """Ends a response that has begun, unless the client does not read."""
        if self.status and not self.complete:
            with suppress(TimeoutError):
                async with asyncio.timeout(FINISH_SECONDS):
                    await self.send({"type": "http.response.body", "body": b""})

    async def respond(
        self, status: int, body: bytes, content_type: bytes = JSON, headers: Iterable[Header] = ()
    ) -> None:
        """Sends the whole response; nothing is sent as the body of an answer to HEAD."""
        length = b"%d" % len(body)
        await self._answer(
            status, [(b"content-type", content_type), (b"content-length", length), *self._common, *headers], body
        )

    async def accepted(self) -> None:
        """Sends 202 without a body."""
        await self._answer(202, [(b"content-length", b"0"), *self._common], b"")

    async def _answer(self, status: int, headers: list[Header], body: bytes) -> None:
        self.status = status
        content = b"" if self.method == "HEAD" else body
        if self._shortcut is not None and self._shortcut.respond(status, headers, content):
            return
        await self._send({"type": "http.response.start", "status": status, "headers": headers})
        await self._send({"type": "http.response.body", "body": content})

    async def problem(self, status: int, error: dict[str, object], headers: Iterable[Header] = ()) -> None:
        """Sends the JSON form of an error, in the shape of the JSON API."""
        self.error = str(error["code"])
        body = orjson.dumps({"error": error, "request_id": self.request_id})
        await self.respond(status, body, headers=headers)

    async def send(self, message: Message) -> None:
        """The ASGI ``send`` for applications of others: adds what every response carries."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message = {**message, "headers": [*message.get("headers", ()), *self._common]}
        else:
            self.complete = not message.get("more_body")
        await self._send(message)


def _too_large() -> BodyRefusedError:
    return BodyRefusedError(413, f"The body is over {MAX_BODY} bytes.")
