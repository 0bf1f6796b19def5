"""Bytes on their way: read in chunks of whatever size, and asked for by number."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from typing import IO, Final, Protocol

from homeport.host.archives.refusal import BrokenError

CHUNK: Final = 1 << 20
"""Bytes that are held at once of a file."""

Progress = Callable[[int], None]
"""Told how many bytes more have been done."""


def file_chunks(stream: IO[bytes]) -> Iterator[bytes]:
    """What is left of an open file."""
    while chunk := stream.read(CHUNK):
        yield chunk


class Sink(Protocol):
    """Where bytes go; ``write`` answers how many it took."""

    def write(self, data: memoryview, /) -> int: ...


def write_all(out: Sink, data: bytes | memoryview) -> None:
    """Writes all of ``data``, however little is taken at once."""
    view = memoryview(data)
    while view:
        view = view[out.write(view) :]


class Measured:
    """Passes chunks on and measures them.

    Args:
        chunks: what passes.
        most: ends with :class:`BrokenError` where more bytes come than these.
        progress: told of each chunk.
    """

    def __init__(self, chunks: Iterable[bytes], most: int | None = None, progress: Progress | None = None) -> None:
        self._chunks = iter(chunks)
        self._most = most
        self._progress = progress
        self._sha256 = hashlib.sha256()
        self.size = 0

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        chunk = next(self._chunks)
        self.size += len(chunk)
        if self._most is not None and self.size > self._most:
            raise BrokenError(f"is longer than the {self._most} bytes that were written")
        self._sha256.update(chunk)
        if self._progress is not None:
            self._progress(len(chunk))
        return chunk

    @property
    def sha256(self) -> str:
        """Of what has passed."""
        return self._sha256.hexdigest()


class ByteStream:
    """Gives bytes by number out of chunks of any size.

    Args:
        chunks: where they come from.
    """

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._rest = memoryview(b"")

    def exactly(self, count: int) -> bytes:
        """So many bytes, which must be few.

        Raises:
            BrokenError: there are fewer.
        """
        if len(self._rest) >= count:
            taken, self._rest = self._rest[:count], self._rest[count:]
            return bytes(taken)
        return b"".join(self.pieces(count))

    def pieces(self, count: int) -> Iterator[memoryview]:
        """So many bytes, a piece at a time.

        Raises:
            BrokenError: there are fewer.
        """
        while count:
            if not self._rest and not self._fill():
                raise BrokenError("ends in the middle")
            piece = self._rest[:count]
            self._rest = self._rest[count:]
            count -= len(piece)
            yield piece

    def up_to(self, count: int) -> bytes:
        """What is at hand, at most so many bytes; nothing only at the end."""
        if not self._rest:
            self._fill()
        taken, self._rest = self._rest[:count], self._rest[count:]
        return bytes(taken)

    def at_end(self) -> bool:
        """Whether nothing more comes."""
        return not self._rest and not self._fill()

    def _fill(self) -> bool:
        for chunk in self._chunks:
            if chunk:
                self._rest = memoryview(chunk)
                return True
        return False
