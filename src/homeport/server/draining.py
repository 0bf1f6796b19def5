"""A uvicorn server that ends without failing a request.

On SIGTERM it stops accepting, tells every client that it still answers to close its connection, ends the waits
that would outlast it, gives requests that are already on their way a moment to arrive, and lets those under
way finish. Stock uvicorn closes connections with unread requests, which clients see as failures.
"""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final

import uvicorn

ARRIVAL_SECONDS: Final = 1.0
"""For requests on idle connections that were sent before their client learnt that we are going."""
FINISH_SECONDS: Final = 25.0
"""For requests under way; systemd kills after 30 s where the unit says nothing else."""
_TICK: Final = 0.02
_CLOSE: Final = (b"connection", b"close")


class DrainingServer(uvicorn.Server):
    """Serves until SIGTERM or SIGINT, then drains.

    Args:
        config: of uvicorn.
        started: called once it listens.
        draining: called when the end begins; must end streams and waits.
        private: unix sockets on which it answers too.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        started: Callable[[], None],
        draining: Callable[[], None],
        private: Sequence[socket.socket] = (),
    ) -> None:
        super().__init__(config)
        self._on_started = started
        self._on_draining = draining
        self._private = private
        self._is_up = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """As the original's, but the signal is not raised again in the end: to be told to stop is no failure."""
        previous = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal drains; a second SIGINT does not wait any longer."""
        if self.should_exit and sig == signal.SIGINT:
            self.force_exit = True
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listens, then says so."""
        await super().startup(sockets)
        loop = asyncio.get_running_loop()
        for one in self._private:
            server = await loop.create_unix_server(self._connection, sock=one, backlog=self.config.backlog)
            self.servers.append(server)
        self._is_up.set()
        self._on_started()

    async def listen(self, sockets: Iterable[socket.socket]) -> None:
        """Begins to accept on further sockets once it serves, unless the end has begun."""
        await self._is_up.wait()
        loop = asyncio.get_running_loop()
        for one in sockets:
            if not self.should_exit:
                server = await loop.create_server(self._connection, sock=one, backlog=self.config.backlog)
                self.servers.append(server)

    def _connection(self) -> asyncio.Protocol:
        """As uvicorn makes them for its own sockets."""
        make: Callable[..., asyncio.Protocol] = self.config.http_protocol_class
        return make(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Drains. A socket that a service manager handed over lives on there: only our descriptor of it is closed."""
        for server in self.servers:
            server.close()
        for one in sockets or []:
            one.close()
        self.server_state.default_headers = [*self.server_state.default_headers, _CLOSE]
        for connection in self._busy():
            connection.cycle.keep_alive = False
        self._on_draining()
        await self._until(lambda: not self.server_state.connections, ARRIVAL_SECONDS)
        for connection in list(self.server_state.connections):
            connection.shutdown()
        await self._until(lambda: not self.server_state.tasks, FINISH_SECONDS)
        for task in list(self.server_state.tasks):
            task.cancel("the time for requests under way is over")
        if not self.force_exit:
            await self.lifespan.shutdown()

    def _busy(self) -> Iterable[Any]:
        for connection in list(self.server_state.connections):
            cycle = getattr(connection, "cycle", None)
            if cycle is not None and not cycle.response_complete:
                yield connection

    async def _until(self, done: Callable[[], bool], seconds: float) -> None:
        """Waits for a condition, at most so long, and not at all once nobody wants to wait."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        # Connections and tasks are uvicorn's plain sets; nothing tells when they become empty.
        while not done() and not self.force_exit and loop.time() < end:  # noqa: ASYNC110
            await asyncio.sleep(_TICK)
