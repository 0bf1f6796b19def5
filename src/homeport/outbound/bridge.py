"""``homeport stdio``: lines of JSON-RPC on one side, streamable HTTP on the other, and nothing made of it in between.

What a client says is posted as it came, what the server says is written as it came; of both, only what the transport
needs is read. So it serves every revision. See docs/decisions/0006-connect.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Awaitable, Callable
from typing import Final

import httpx2

from homeport.contract import ENVIRONMENT_HEADER
from homeport.outbound.endpoint import Endpoint, make_client, tls_fault
from homeport.outbound.events import EventReader
from homeport.outbound.message import (
    LOST,
    Message,
    RequestId,
    answered_by,
    error_line,
    headers_of,
    negotiated_by,
    one_line,
    read_message,
    stream_headers,
)
from homeport.outbound.refusals import refused

PATIENCE: Final = 20.0
"""Seconds that a request waits for a server that is away. Clients give up after 30 or 60."""
GRACE: Final = 1.0
"""Seconds that answers on their way have, once the client has closed its end."""

_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 2.0
_SESSION: Final = "Mcp-Session-Id"
_NOT_DONE: Final = frozenset({429, 503})
"""Statuses that say that nothing was done, so that whatever it was may be sent again."""
_PERHAPS_DONE: Final = frozenset({502, 504})
_AWAY: Final = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)

Write = Callable[[bytes], Awaitable[None]]


class _AgainError(Exception):
    """Not now; ``safe`` where it is certain that nothing was done."""

    def __init__(self, reason: str, *, safe: bool) -> None:
        super().__init__(reason)
        self.safe = safe


class _RefusedError(Exception):
    """It will not be better next time."""


class Bridge:
    """Carries messages to a server and its answers back.

    Args:
        http: for the endpoint.
        endpoint: the server.
        write: one line to the client.
        tell: a line for the client's log.
        patience: seconds for which a server that is away is waited for.
    """

    def __init__(
        self,
        http: httpx2.AsyncClient,
        endpoint: Endpoint,
        write: Write,
        tell: Callable[[str], None],
        patience: float = PATIENCE,
    ) -> None:
        self._http = http
        self._endpoint = endpoint
        self._write = write
        self._tell = tell
        self._patience = patience
        self._negotiated: str | None = None
        self._session: str | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._running: dict[RequestId, asyncio.Task[None]] = {}
        self._stream: asyncio.Task[None] | None = None

    async def take(self, raw: bytes) -> None:
        """Begins to carry one line of the client's."""
        try:
            message = read_message(raw)
        except (ValueError, RecursionError) as error:
            await self._write(error_line(None, -32700, f"A line that is not a JSON-RPC message: {error}."))
            return
        if message.cancels is not None and self._cancel(message):
            return
        task = asyncio.create_task(self._carry(message))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        for request_id in message.ids:
            self._running[request_id] = task
        if message.method == "notifications/initialized":
            # What comes next may rely on it; other messages need no order and would wait for each other.
            await asyncio.wait([task])

    async def finish(self) -> None:
        """Waits a moment for answers that are on their way, and drops the rest."""
        if self._stream is not None:
            self._stream.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=GRACE)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _cancel(self, message: Message) -> bool:
        """Ends what a cancellation is about; whether that is all there is to do.

        Closing the stream is how a request of the newest revision is cancelled over HTTP. Older servers are told as
        well, and the answer that nobody wants any more is closed all the same.
        """
        task = self._running.get(message.cancels) if message.cancels is not None else None
        if task is None:
            return False
        task.cancel()
        return self._negotiated is None

    async def _carry(self, message: Message) -> None:
        try:
            await self._deliver(message)
        except (_AgainError, _RefusedError) as error:
            await self._fail(message, str(error))
        except (ValueError, RecursionError, httpx2.HTTPError):
            await self._fail(message, f"{self._endpoint.shown} answers with something that is not JSON-RPC.")
        except OSError:
            return  # the client is gone, and its end of input is about to be read
        finally:
            for request_id in message.ids:
                self._running.pop(request_id, None)

    async def _deliver(self, message: Message) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._patience
        pause = _FIRST_PAUSE
        while True:
            try:
                await self._post(message)
            except _AgainError as error:
                if not (error.safe or message.repeatable):
                    raise
                if loop.time() + pause > deadline:
                    raise
                if pause == _FIRST_PAUSE:
                    self._tell(f"{error} Trying again for {self._patience:g} s.")
            else:
                return
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def _post(self, message: Message) -> None:
        waiting = set(message.ids)
        began = False
        headers = headers_of(message, self._negotiated, self._session)
        try:
            request = self._http.stream("POST", self._endpoint.url, content=message.raw, headers=headers)
            async with request as response:
                await self._check(response, message)
                async for line in _messages(response):
                    began = True
                    waiting.difference_update(answered_by(line))
                    if message.method == "initialize":
                        self._agreed(response, line)
                    await self._write(line)
        except _AWAY as error:
            fault = tls_fault(error)
            if fault:
                raise _RefusedError(f"{self._endpoint.shown}: {fault}.") from error
            raise _AgainError(f"Nothing answers at {self._endpoint.shown}.", safe=True) from error
        except httpx2.TransportError as error:
            if began and waiting:
                # Half of it was passed on; a second time would pass that on twice.
                raise _RefusedError(_lost(self._endpoint)) from error
            if not began:
                raise _AgainError(_lost(self._endpoint), safe=False) from error
        if waiting:
            raise _RefusedError(f"{self._endpoint.shown} ended its answer before it was there.")
        if message.method == "notifications/initialized" and self._stream is None:
            self._stream = asyncio.create_task(self._listen())

    def _agreed(self, response: httpx2.Response, line: bytes) -> None:
        self._negotiated = negotiated_by(line) or self._negotiated
        self._session = response.headers.get(_SESSION)

    async def _check(self, response: httpx2.Response, message: Message) -> None:
        """Lets an answer through that is the server's, and one of JSON-RPC."""
        there = response.headers.get(ENVIRONMENT_HEADER)
        wanted = self._endpoint.environment
        if wanted is not None and there is not None and there != wanted:
            raise _RefusedError(f"{there} answers at {self._endpoint.shown}, not {wanted}: nothing was passed on.")
        if response.status_code < 300:
            return
        body = await response.aread()
        if response.status_code in _NOT_DONE:
            raise _AgainError(refused(self._endpoint, response.status_code, body), safe=True)
        if response.status_code in _PERHAPS_DONE:
            raise _AgainError(refused(self._endpoint, response.status_code, body), safe=False)
        if response.status_code == 404 and self._session is not None and message.version is None:
            self._session = None
            raise _AgainError(f"{self._endpoint.shown} has forgotten the session.", safe=True)
        if not message.ids or set(message.ids).isdisjoint(_ids(body)):
            raise _RefusedError(refused(self._endpoint, response.status_code, body, response.headers.get("location")))

    async def _fail(self, message: Message, reason: str) -> None:
        self._tell(reason)
        for request_id in message.ids:
            await self._write(error_line(request_id, LOST, reason))

    async def _listen(self) -> None:
        """The stream on which a server of the older revisions speaks unasked, where it has one."""
        pause = _FIRST_PAUSE
        last: str | None = None
        while True:
            headers = {"Accept": "text/event-stream", **stream_headers(self._negotiated, self._session)}
            if last is not None:
                headers["Last-Event-ID"] = last
            try:
                async with self._http.stream("GET", self._endpoint.url, headers=headers) as response:
                    if response.status_code != 200 or not _is_stream(response):
                        if response.status_code < 500:
                            return
                    else:
                        reader = EventReader()
                        async for chunk in response.aiter_bytes():
                            for event in reader.feed(chunk):
                                pause, last = _FIRST_PAUSE, event.id or last
                                await self._write(one_line(event.data))
            except httpx2.TransportError:
                pass
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)


async def run_bridge(
    endpoint: Endpoint,
    lines: AsyncIterable[bytes],
    write: Write,
    tell: Callable[[str], None],
    patience: float = PATIENCE,
) -> None:
    """Carries lines until there are no more.

    Args:
        endpoint: the server.
        lines: of the client.
        write: one line to the client.
        tell: a line for the client's log.
        patience: seconds for which a server that is away is waited for.
    """
    async with make_client(endpoint, agent="homeport-stdio") as http:
        bridge = Bridge(http, endpoint, write, tell, patience)
        async for line in lines:
            await bridge.take(line)
        await bridge.finish()


async def _messages(response: httpx2.Response) -> AsyncIterable[bytes]:
    """The server's messages in an answer, each as one line."""
    if not _is_stream(response):
        body = one_line(await response.aread())
        if body:
            yield body
        return
    reader = EventReader()
    async for chunk in response.aiter_bytes():
        for event in reader.feed(chunk):
            if event.data.strip():
                yield one_line(event.data)


def _is_stream(response: httpx2.Response) -> bool:
    return bool(response.headers.get("content-type", "").startswith("text/event-stream"))


def _ids(body: bytes) -> tuple[RequestId, ...]:
    try:
        return answered_by(body)
    except (ValueError, RecursionError):
        return ()


def _lost(endpoint: Endpoint) -> str:
    return (
        f"The connection to {endpoint.shown} was lost before the answer came; whether the call was carried out is not "
        "known. Look, or call again with the same idempotency_key."
    )
