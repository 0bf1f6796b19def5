"""One HTTP connection, with bounds on what comes before a request can be judged.

uvicorn reads the head of a request for ever and of any size: a thousand clients that never finish theirs hold a
thousand descriptors, and one header of fifty megabytes stops the loop for many seconds.
"""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from homeport.server.shortcut import Shortcut
from homeport.transports.exchange import SHORTCUT

MAX_HEAD: Final = 65_536
"""Bytes of the request line and all headers."""
HEADER_COST: Final = 32
"""Bytes that each header counts besides its own, as in HTTP/2: thousands of tiny ones take megabytes here."""
HEAD_SECONDS: Final = 30.0
"""In which a head must have arrived, counted from the connection or from its first byte."""

_TOO_LARGE: Final = f"The head of the request is over {MAX_HEAD} bytes."


class HeadTooLargeError(Exception):
    """Ends the parsing of a head."""


class BoundedConnection(HttpToolsProtocol):
    """Refuses heads that are too large or too slow.

    Attributes:
        head_seconds: the deadline; a test takes a shorter one.
        fault: why the connection is being refused, where it is for a reason of this class.
    """

    head_seconds: ClassVar[float] = HEAD_SECONDS

    def __init__(self, *arguments: Any, **settings: Any) -> None:  # noqa: ANN401 - passed on as they come
        super().__init__(*arguments, **settings)
        self._deadline: asyncio.TimerHandle | None = None
        self._in_head = True
        self._head_bytes = 0
        self._size = 0
        self.fault = ""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as the original's
        """Begins to wait for the first head."""
        super().connection_made(transport)
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Waits no longer."""
        self._head_came()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Counts what is not yet a whole head."""
        self._head_bytes += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._in_head and self._head_bytes > MAX_HEAD:
            self.fault = _TOO_LARGE
            self.send_400_response(_TOO_LARGE)
            return
        # Every byte ends the keep-alive timer, so one that comes now and then would else hold the connection.
        if not self._is_busy() and self.timeout_keep_alive_task is None and self._deadline is None:
            self._wait_for_head()

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        self._size = 0

    def on_url(self, url: bytes) -> None:
        """Bounds addresses that come in one piece."""
        super().on_url(url)
        self._size += len(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Bounds heads that come in one piece."""
        self._size += len(name) + len(value) + HEADER_COST
        if self._size > MAX_HEAD:
            self.fault = _TOO_LARGE
            raise HeadTooLargeError  # which the parser turns into its own error, and uvicorn into a refusal
        # Called for every header of every request; super() would take as long as the rest.
        HttpToolsProtocol.on_header(self, name, value)

    def on_headers_complete(self) -> None:
        """The head is whole; from here on the application has its own deadlines."""
        self._in_head = False
        self._head_came()
        super().on_headers_complete()
        self.scope["extensions"] = {SHORTCUT: Shortcut(self.cycle)}  # type: ignore[dict-item]  # ASGI has any value

    def on_message_complete(self) -> None:
        """What comes next is another head."""
        self._in_head = True
        self._head_bytes = 0
        super().on_message_complete()

    def _is_busy(self) -> bool:
        """Whether a request is being read or answered, which has deadlines of its own."""
        cycle: Any = self.cycle  # None before the first, whatever its annotation says
        return cycle is not None and not cycle.response_complete

    def _wait_for_head(self) -> None:
        self._deadline = self.loop.call_later(self.head_seconds, self._give_up)

    def _head_came(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        self._deadline = None
        self.transport.close()
