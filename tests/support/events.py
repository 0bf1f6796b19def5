"""Server-sent events, as a raw client reads them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import anyio
import httpx2


@dataclass
class Stream:
    """An open stream."""

    response: httpx2.Response
    lines: AsyncIterator[str]

    async def event(self, within: float = 10.0) -> tuple[str, str]:
        """Name and data of the next event; comments are passed over."""
        name, data = "message", ""
        with anyio.fail_after(within):
            async for line in self.lines:
                if line.startswith("event: "):
                    name = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    data = line.removeprefix("data: ")
                elif not line and data:
                    return name, data
        raise EOFError

    async def message(self, within: float = 10.0) -> dict[str, Any]:
        """The next JSON-RPC message."""
        return dict(json.loads((await self.event(within))[1]))

    async def line(self, within: float = 10.0) -> str:
        """The next line, whatever it is."""
        with anyio.fail_after(within):
            async for line in self.lines:
                return line
        raise EOFError

    async def end(self, within: float = 10.0) -> None:
        """Waits until the server has ended it."""
        with anyio.fail_after(within):
            async for _ in self.lines:
                pass


@asynccontextmanager
async def opened(http: httpx2.AsyncClient, url: str, method: str = "GET", **request: Any) -> AsyncIterator[Stream]:
    """A stream, for as long as the block lasts."""
    async with http.stream(method, url, timeout=30, **request) as response:
        yield Stream(response, response.aiter_lines())
