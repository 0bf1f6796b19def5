"""The site behind a real socket, served by the server that production runs, in the test's own event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import anyio

from homeport.coordination.store import Store
from homeport.server.draining import DrainingServer
from homeport.server.listening import bound_socket
from homeport.server.serving import http_config
from tests.support.site import Served, served


@dataclass
class Listening:
    """A server on two ports of its own."""

    served: Served
    server: DrainingServer
    port: int
    sse_port: int
    ended: asyncio.Task[None]

    @property
    def url(self) -> str:
        """Of the server, without a slash at its end."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def sse_url(self) -> str:
        """Where HTTP+SSE begins."""
        return f"http://127.0.0.1:{self.sse_port}/sse"

    def stop(self) -> None:
        """As SIGTERM does."""
        self.server.should_exit = True


@asynccontextmanager
async def listening(store: Store | None = None, **settings: Any) -> AsyncIterator[Listening]:
    """A server that listens; it is drained in the end. Settings are those of :func:`served`."""
    sockets = [bound_socket("127.0.0.1", 0), bound_socket("127.0.0.1", 0)]
    port, sse_port = (one.getsockname()[1] for one in sockets)
    async with served(store, sse_ports=frozenset({sse_port}), **settings) as site:
        started = anyio.Event()
        server = DrainingServer(http_config(site.site), started.set, site.site.drain)
        ended = asyncio.create_task(server.serve(sockets))
        await started.wait()
        one = Listening(site, server, port, sse_port, ended)
        try:
            yield one
        finally:
            one.stop()
            await ended
