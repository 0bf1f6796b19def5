"""A wire between a client and a server on this machine, which can be cut or go dead at a chosen byte."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self

_LARGE = 1 << 13
"""Bytes; what is larger is no header."""


class Wire:
    """Forwards connections to a port; counts the bytes from the client.

    Attributes:
        port: where clients connect.
        cut_at: closes every connection once so many bytes have come from the client; None for never.
        turns: whether the next large piece from the server has one bit turned.
        dead_at: as ``cut_at``, but nothing is closed: no byte goes any further, either way.
        cut_after: as ``cut_at``, once so many bytes have come from the server.
        dead_after: as ``dead_at``, once so many bytes have come from the server.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = []
        self._passed = self._answered = 0
        self.port: int = self._listening.getsockname()[1]
        self.cut_at: int | None = None
        self.dead_at: int | None = None
        self.cut_after: int | None = None
        self.dead_after: int | None = None
        self.turns = False
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close([self._listening, *self._sockets])

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                server = socket.create_connection(("127.0.0.1", self._target))
                self._sockets += [client, server]
                for source, target, counted in ((client, server, True), (server, client, False)):
                    threading.Thread(target=self._forward, args=(source, target, counted), daemon=True).start()

    def _forward(self, source: socket.socket, target: socket.socket, counted: bool) -> None:
        with suppress(OSError):
            while chunk := source.recv(1 << 16):
                if counted:
                    self._passed += len(chunk)
                else:
                    self._answered += len(chunk)
                if _reached(self._passed, self.cut_at) or _reached(self._answered, self.cut_after):
                    break
                if _reached(self._passed, self.dead_at) or _reached(self._answered, self.dead_after):
                    return
                if self.turns and not counted and len(chunk) > _LARGE:
                    self.turns = False
                    chunk = chunk[:_LARGE] + bytes([chunk[_LARGE] ^ 1]) + chunk[_LARGE + 1 :]
                target.sendall(chunk)
        self._close([source, target])

    @staticmethod
    def _close(sockets: list[socket.socket]) -> None:
        for one in sockets:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            with suppress(OSError):
                one.close()


def _reached(count: int, limit: int | None) -> bool:
    return limit is not None and count >= limit
