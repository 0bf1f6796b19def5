"""The site behind a real socket, served by the server that production runs, in the test's own event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import anyio

from homeport.server.draining import DrainingServer
from homeport.server.listening import bound_socket
from homeport.server.serving import http_config
from tests.support.site import Served, served


@dataclass
class Listening:
    """A server on a port of its own."""

    served: Served
    server: DrainingServer
    port: int
    ended: asyncio.Task[None]

    @property
    def url(self) -> str:
        """Of the server, without a slash at its end."""
        return f"http://127.0.0.1:{self.port}"

    def stop(self) -> None:
        """As SIGTERM does."""
        self.server.should_exit = True


@asynccontextmanager
async def listening() -> AsyncIterator[Listening]:
    """A server that listens; it is drained in the end."""
    async with served() as site:
        bound = bound_socket("127.0.0.1", 0)
        started = anyio.Event()
        server = DrainingServer(http_config(site.site), started.set, site.dispatcher.close)
        ended = asyncio.create_task(server.serve([bound]))
        await started.wait()
        one = Listening(site, server, bound.getsockname()[1], ended)
        try:
            yield one
        finally:
            one.stop()
            await ended
