"""Runs an operation for an exchange: the same for MCP and the JSON API."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from homeport.coordination.values import JsonObject
from homeport.operations.dispatcher import Dispatcher
from homeport.transports.exchange import ClientGoneError, Exchange


async def carry_out(
    dispatcher: Dispatcher, exchange: Exchange, name: str, arguments: Mapping[str, Any] | None
) -> JsonObject:
    """The operation's answer. A wait ends when its client leaves; a write is carried out all the same.

    Raises:
        UnauthorizedError: the token of a call that waits is good no longer.
        CallError: the call was refused.
        ClientGoneError: nobody waits any more.
    """
    exchange.tool = name
    if dispatcher.operation(name).kind != "wait":
        return await dispatcher.call(name, arguments, exchange.caller)
    answer = asyncio.ensure_future(dispatcher.call(name, arguments, exchange.caller))
    over = asyncio.ensure_future(exchange.over())
    try:
        await asyncio.wait({answer, over}, return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():
            raise over.result() or ClientGoneError
        return answer.result()
    finally:
        answer.cancel()
        over.cancel()
