"""Server-sent events: one response that stays open (HTML Living Standard, 9.2)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final

from homeport.transports.exchange import Exchange, Header

EVENT_STREAM: Final = b"text/event-stream"
KEEP_ALIVE: Final = b": still here\n\n"
"""A comment: proxies and clients see that the stream lives."""

# nginx would gather a stream into buffers before it passes anything on.
_HEADERS: Final[tuple[Header, ...]] = (
    (b"content-type", EVENT_STREAM),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
)


async def stream(exchange: Exchange, chunks: AsyncIterator[bytes]) -> None:
    """Sends chunks as they come, until they end, the client has left, or it may read no more; then they are closed."""
    await exchange.send({"type": "http.response.start", "status": 200, "headers": list(_HEADERS)})
    over = asyncio.ensure_future(exchange.over())
    sending = asyncio.ensure_future(_send(exchange, chunks))
    try:
        await asyncio.wait({over, sending}, return_when=asyncio.FIRST_COMPLETED)
        if sending.done():
            sending.result()
            await exchange.send({"type": "http.response.body", "body": b""})
            return
    finally:
        over.cancel()
        sending.cancel()
        with suppress(asyncio.CancelledError):
            await sending
    lapse = over.result()
    if lapse is not None:
        exchange.error = lapse.code
        await exchange.finish()


async def _send(exchange: Exchange, chunks: AsyncIterator[bytes]) -> None:
    async for chunk in chunks:
        await exchange.send({"type": "http.response.body", "body": chunk, "more_body": True})
