"""The outermost ASGI application: what holds for every request, whoever answers it."""

from __future__ import annotations

import itertools
import re
import secrets
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Final

from homeport.contract import REQUEST_ID_HEADER
from homeport.transports.doors import Doors
from homeport.transports.exchange import (
    BodyRefusedError,
    ClientGoneError,
    Exchange,
    Receive,
    Scope,
    Send,
    environment_header,
)
from homeport.transports.log import Log
from homeport.transports.proxies import Proxies

Endpoint = Callable[[Exchange], Awaitable[None]]

_REQUEST_ID: Final = REQUEST_ID_HEADER.lower().encode()
_VALID_ID: Final = re.compile(rb"[A-Za-z0-9._:=+/-]{1,128}")
_CLOSE: Final = ((b"connection", b"close"),)
_CLIENT_GONE: Final = 499
"""Stands in the log alone, as in nginx's."""


class Edge:
    """Gives every request its id, refuses foreign hosts and origins, logs, and answers what nobody foresaw.

    Args:
        environment: for the header that every response carries.
        endpoint: answers requests.
        doors: judges Host and Origin.
        log: gets a line for each request.
        running: entered when the server starts, left when it ends.
        proxies: say for whom they ask; None where there are none.
        monotonic: seconds.
        counted: told of each request, and how many seconds it took.
    """

    def __init__(
        self,
        environment: str,
        endpoint: Endpoint,
        doors: Doors,
        log: Log,
        running: Callable[[], AbstractAsyncContextManager[None]],
        proxies: Proxies | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        counted: Callable[[Exchange, float], None] | None = None,
    ) -> None:
        self._header = environment_header(environment)
        self._endpoint = endpoint
        self._doors = doors
        self._log = log
        self._running = running
        self._proxies = proxies
        self._monotonic = monotonic
        self._counted = counted
        self._prefix = secrets.token_hex(4)
        self._count = itertools.count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        else:
            await send({"type": "websocket.close", "code": 1000})

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = self._monotonic()
        exchange = Exchange(scope, receive, send, f"{self._prefix}-{next(self._count):x}", self._header)
        given = exchange.headers.get(_REQUEST_ID)
        if given is not None and _VALID_ID.fullmatch(given):
            exchange.name(given)
        if self._proxies is not None:
            exchange.client = self._proxies.reveal(scope, exchange.client)
        try:
            status = self._doors.judge(exchange.headers.get(b"host"), exchange.headers.get(b"origin"))
            if status:
                await _turned_away(exchange, status)
            else:
                await self._endpoint(exchange)
        except BodyRefusedError as error:
            code = "too_large" if error.status == 413 else "too_slow"
            await exchange.problem(error.status, {"code": code, "message": error.sentence}, _CLOSE)
        except ClientGoneError:
            exchange.status = _CLIENT_GONE
        except Exception as error:  # noqa: BLE001 - the last resort: logged, and told without its inside
            await self._failed(exchange, error)
        finally:
            seconds = self._monotonic() - began
            if self._counted is not None:
                self._counted(exchange, seconds)
            self._log.request(exchange, seconds)

    async def _failed(self, exchange: Exchange, error: Exception) -> None:
        self._log.failure("request failed", error, request_id=exchange.request_id, path=exchange.path)
        if exchange.status:
            exchange.error = "internal"
            raise error
        told = f"Internal error. The server's log has it under {exchange.request_id}."
        await exchange.problem(500, {"code": "internal", "message": told})

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        phase = "startup"
        try:
            async with self._running():
                await send({"type": "lifespan.startup.complete"})
                phase = "shutdown"
                await receive()
        except Exception as error:
            self._log.failure(f"{phase} failed", error)
            await send({"type": f"lifespan.{phase}.failed", "message": str(error)})
            raise
        await send({"type": "lifespan.shutdown.complete"})


async def _turned_away(exchange: Exchange, status: int) -> None:
    if status == 421:
        message = "This server does not answer for that Host."
        hint = "Use localhost or 127.0.0.1, or add the name to allowed_hosts of the environment."
    else:
        message = "Pages of that Origin may not call this server."
        hint = "Add the origin to allowed_origins of the environment."
    await exchange.problem(status, {"code": "foreign", "message": message, "hint": hint})
