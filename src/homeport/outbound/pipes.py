"""Standard input and output of a process whose other end is a client: lines of JSON, whatever kind of file they are."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator
from typing import Final

_PIECE: Final = 1 << 16


async def lines_of(descriptor: int) -> AsyncIterator[bytes]:
    """The lines that come from a descriptor, without their ends and without empty ones.

    A thread reads, because an event loop can wait for a pipe but not for a file, and input may be either. It reads the
    descriptor and not ``sys.stdin``, whose lock it would hold while the interpreter ends.
    """
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[bytes | None] = asyncio.Queue()

    def hand_over(line: bytes | None) -> None:
        try:
            loop.call_soon_threadsafe(queue.put_nowait, line)
        except RuntimeError:  # the loop has ended, and nobody listens any more
            raise SystemExit from None

    def read() -> None:
        rest = bytearray()
        searched = 0
        while piece := _read(descriptor):
            rest += piece
            while (end := rest.find(b"\n", searched)) >= 0:
                hand_over(bytes(rest[:end]))
                del rest[: end + 1]
                searched = 0
            searched = len(rest)
        hand_over(bytes(rest))
        hand_over(None)

    threading.Thread(target=read, name="stdin", daemon=True).start()
    while (line := await queue.get()) is not None:
        if line.strip():
            yield line


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, _PIECE)
    except OSError:
        return b""


class LineWriter:
    """Writes whole lines to a descriptor, one after the other.

    In a thread: a client that does not read for a while must not stop the answers of others from coming in.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lock = asyncio.Lock()

    async def __call__(self, line: bytes) -> None:
        """Writes a line.

        Raises:
            OSError: nobody reads any more.
        """
        async with self._lock:
            await asyncio.to_thread(self._write, line + b"\n")

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._descriptor, view) :]
