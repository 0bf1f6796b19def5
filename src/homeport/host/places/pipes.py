"""A program at the other end of two pipes that never makes us wait for ever."""

from __future__ import annotations

import os
import select
import subprocess
import tempfile
import time
from collections.abc import Sequence
from types import TracebackType
from typing import IO, Final, Self

_CHUNK: Final = 1 << 16
_MOST_TOLD: Final = 2_000


class SilentError(Exception):
    """The program neither took nor gave anything for too long."""


class EndedError(Exception):
    """The program has ended, or closed its end."""


class Pipes:
    """A running program; reading and writing end after a time of silence.

    Args:
        command: the argument list.
        silence: seconds.
    """

    def __init__(self, command: Sequence[str], silence: float) -> None:
        self._silence = silence
        self._told: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        try:
            self._process = subprocess.Popen(
                list(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._told, bufsize=0
            )
        except BaseException:
            self._told.close()
            raise
        if self._process.stdin is None or self._process.stdout is None:
            raise ValueError("pipes were asked for")
        self._in, self._out = self._process.stdin, self._process.stdout
        for end in (self._in, self._out):
            os.set_blocking(end.fileno(), False)
        self._read = bytearray()

    def send(self, data: bytes) -> None:
        """Writes all of ``data``; takes in meanwhile what comes, so that neither side waits for the other.

        Raises:
            SilentError: see there.
            EndedError: see there.
        """
        view = memoryview(data)
        while view:
            readable, writable, _ = select.select([self._out], [self._in], [], self._silence)
            if readable:
                self._take()
            if writable:
                view = view[self._give(view) :]
            if not (readable or writable):
                raise SilentError

    def receive(self, count: int) -> bytes:
        """So many bytes.

        Raises:
            SilentError: see there.
            EndedError: see there.
        """
        while len(self._read) < count:
            if not select.select([self._out], [], [], self._silence)[0]:
                raise SilentError
            self._take()
        taken = bytes(self._read[:count])
        del self._read[:count]
        return taken

    def told(self) -> str:
        """What the program has said on its standard error, the last lines, as one line."""
        self._told.seek(0, os.SEEK_END)
        self._told.seek(max(0, self._told.tell() - _MOST_TOLD))
        lines = self._told.read().decode(errors="replace").split("\n")
        shown = [line.strip() for line in lines if line.strip()][-3:]
        return " ".join("".join(filter(str.isprintable, line)) for line in shown)

    def end(self, within: float) -> int:
        """Closes its input, waits for its end, and answers its exit code.

        Raises:
            SilentError: it does not end.
        """
        self._in.close()
        end = time.monotonic() + within
        while True:
            try:
                return self._process.wait(timeout=max(0.0, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                raise SilentError from None

    def close(self) -> None:
        """Ends the program, if it runs."""
        self._in.close()
        try:
            self._process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._out.close()
        self._told.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _take(self) -> None:
        try:
            chunk = os.read(self._out.fileno(), _CHUNK)
        except BlockingIOError:
            return
        if not chunk:
            raise EndedError
        self._read += chunk

    def _give(self, view: memoryview) -> int:
        try:
            return os.write(self._in.fileno(), view[:_CHUNK])
        except BlockingIOError:
            return 0
        except BrokenPipeError:
            raise EndedError from None
