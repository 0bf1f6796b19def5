"""Clients that keep one connection each and know exactly what was acknowledged to them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Self

from tests.support.process import call_body


class Caller:
    """A client on one connection; it opens another when the server says that this one ends.

    Attributes:
        fresh: whether nothing was answered on the present connection yet.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.fresh = True
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def __aenter__(self) -> Self:
        await self._connected()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.drop()

    async def ask(self, name: str, /, **arguments: Any) -> dict[str, Any]:
        """The JSON-RPC response.

        Raises:
            OSError: no answer came; whether it was carried out, nobody knows.
        """
        reader, writer = await self._connected()
        body = json.dumps(call_body(name, arguments)).encode()
        head = "POST /mcp HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: "
        try:
            writer.write(f"{head}{len(body)}\r\n\r\n".encode() + body)
            lines = (await reader.readuntil(b"\r\n\r\n")).lower().split(b"\r\n")
            fields = dict(line.split(b": ", 1) for line in lines[1:-2])
            answer = await reader.readexactly(int(fields[b"content-length"]))
        except (OSError, EOFError) as error:
            self.drop()
            raise ConnectionResetError("no answer") from error
        self.fresh = False
        if fields.get(b"connection") == b"close":
            self.drop()
        return dict(json.loads(answer))

    async def call(self, name: str, /, **arguments: Any) -> Any:
        """The answer to a call that is not refused."""
        response = await self.ask(name, **arguments)
        assert "result" in response, response
        return response["result"]["data"]

    def drop(self) -> None:
        """Closes the connection."""
        if self._streams is not None:
            self._streams[1].close()
        self._streams = None

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams is None:
            self.fresh = True
            self._streams = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 20)
        return self._streams


@asynccontextmanager
async def callers(port: int, count: int) -> AsyncIterator[Sequence[Caller]]:
    """So many clients."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(Caller(port)) for _ in range(count)]
