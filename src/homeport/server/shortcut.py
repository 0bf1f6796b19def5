"""Two things that a connection does at once where ASGI needs several messages, a timer and two system calls.

Most bodies have arrived whole before anybody asks for them, and most responses are one small piece. Both are done
here on uvicorn's own record of the request, exactly as its ``receive`` and ``send`` would: ``test_shortcut``
compares them byte by byte and attribute by attribute. Whatever is not plain goes the usual way.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from homeport.transports.exchange import Header

_CONNECTION: Final = b"connection"
_CONTROLS: Final = bytes(set(range(32)) - {9}) + b"\x7f"
"""What no header may hold; a response that is written here has of them what ends its lines, and no more."""


class Shortcut:
    """Of one request.

    Args:
        cycle: uvicorn's record of it.
    """

    __slots__ = ("_cycle",)

    def __init__(self, cycle: RequestResponseCycle) -> None:
        self._cycle = cycle

    def body(self) -> bytes | None:
        """The body, where it has arrived whole and nothing of it was taken; else None."""
        cycle = self._cycle
        if cycle.more_body or cycle.disconnected or cycle.response_complete or not cycle.message_event.is_set():
            return None
        cycle.flow.resume_reading()
        cycle.message_event.clear()
        body = bytes(cycle.body)
        cycle.body = bytearray()
        return body

    def respond(self, status: int, headers: Iterable[Header], body: bytes) -> bool:
        """Writes a whole response, which has its length among its headers; False where nothing was done."""
        cycle = self._cycle
        if cycle.response_started or cycle.disconnected or cycle.flow.write_paused or cycle.access_log:
            return False
        parts = [STATUS_LINE[status]]
        for name, value in (*cycle.default_headers, *headers):
            if name == _CONNECTION:
                return False
            parts += (name, b": ", value, b"\r\n")
        parts.append(b"\r\n" if cycle.keep_alive else b"connection: close\r\n\r\n")
        head = b"".join(parts)
        lines = len(parts) // 4 + (2 if cycle.keep_alive else 3)
        if len(head.translate(None, _CONTROLS)) != len(head) - 2 * lines:
            return False
        cycle.response_started = True
        cycle.waiting_for_100_continue = False
        cycle.transport.write(head + body)
        cycle.response_complete = True
        cycle.message_event.set()
        if not cycle.keep_alive:
            cycle.transport.close()
        cycle.on_response()
        return True
