"""The file transfer protocol of SSH, version 3, as far as a place needs it.

Spoken with ``ssh -s HOST sftp`` and not through the program ``sftp``: that one tells what went wrong in words alone,
cannot give a file's bytes to a pipe, and prints listings that only people can read.
"""

from __future__ import annotations

import stat
import struct
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Final

from homeport.host.places.pipes import Pipes

_INIT, _VERSION = 1, 2
_OPEN, _CLOSE, _READ, _WRITE, _OPENDIR, _READDIR, _REMOVE = 3, 4, 5, 6, 11, 12, 13
_STAT, _RENAME = 17, 18
_STATUS, _HANDLE, _DATA, _NAME, _ATTRS = 101, 102, 103, 104, 105
_EXTENDED: Final = 200
OK, EOF, NO_SUCH_FILE, PERMISSION_DENIED, FAILURE = 0, 1, 2, 3, 4

_FOR_READING: Final = 0x01
_FOR_A_NEW_FILE: Final = 0x02 | 0x08 | 0x20
"""Write, create, and only if it is not there."""
_HAS_SIZE, _HAS_OWNER, _HAS_MODE, _HAS_TIMES, _HAS_MORE = 0x01, 0x02, 0x04, 0x08, 0x80000000
_PIECE: Final = 32 * 1024
"""Bytes of one request; every server takes so many."""
_AHEAD: Final = 64
"""Requests that are on their way at once."""
_LARGEST_PACKET: Final = 1 << 20
_MOST_NAMES: Final = 100_000


class StatusError(Exception):
    """The server refused a request.

    Args:
        code: :data:`NO_SUCH_FILE` and the others.
        text: its own words.
    """

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


class ProtocolError(Exception):
    """What came is not of this protocol."""


@dataclass(frozen=True, slots=True)
class Attributes:
    """Of a file at the server."""

    size: int
    mode: int

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file."""
        return stat.S_ISREG(self.mode)


class Sftp:
    """A session.

    Args:
        pipes: to a program that is connected to a server.
    """

    def __init__(self, pipes: Pipes) -> None:
        self._pipes = pipes
        self._number = 0
        self._answers: dict[int, tuple[int, bytes]] = {}
        self._send(_INIT, struct.pack(">I", 3))
        kind, body = self._receive()
        if kind != _VERSION:
            raise ProtocolError(f"packet {kind} in place of a version")
        self._extensions = frozenset(_extensions(body[4:]))

    def stat(self, path: bytes) -> Attributes:
        """What a path, links followed, is."""
        return _attributes(_Body(self._ask(_STAT, _text(path), _ATTRS)))

    def upload(self, source: IO[bytes], path: bytes) -> Iterator[int]:
        """Writes a new file, for its owner alone, to the server's disk; yields how many bytes more are sent."""
        handle = self._open(path, _FOR_A_NEW_FILE)
        waiting: deque[int] = deque()
        offset = 0
        while chunk := source.read(_PIECE):
            head = _text(handle) + struct.pack(">Q", offset)
            waiting.append(self._request(_WRITE, head + _text(chunk)))
            offset += len(chunk)
            if len(waiting) >= _AHEAD:
                self._done(waiting.popleft())
            yield len(chunk)
        while waiting:
            self._done(waiting.popleft())
        if b"fsync@openssh.com" in self._extensions:
            self._done(self._request(_EXTENDED, _text(b"fsync@openssh.com") + _text(handle)))
        self._done(self._request(_CLOSE, _text(handle)))

    def download(self, path: bytes) -> Iterator[bytes]:
        """The bytes of a file."""
        handle = self._open(path, _FOR_READING)
        size = self.stat(path).size
        waiting: deque[tuple[int, int, int]] = deque()
        asked = 0
        while asked < size or waiting:
            while asked < size and len(waiting) < _AHEAD:
                count = min(_PIECE, size - asked)
                waiting.append((self._ask_for(handle, asked, count), asked, count))
                asked += count
            number, offset, count = waiting.popleft()
            piece = _Body(self._answer(number, _DATA)).text()
            if not 0 < len(piece) <= count:
                raise ProtocolError(f"{len(piece)} bytes in place of {count}")
            yield piece
            if (missing := count - len(piece)) > 0:
                # A short answer is allowed; the rest is asked for again, in its turn.
                offset += len(piece)
                waiting.appendleft((self._ask_for(handle, offset, missing), offset, missing))
        self._done(self._request(_CLOSE, _text(handle)))

    def names(self, directory: bytes) -> Iterator[tuple[bytes, Attributes]]:
        """What is in a directory; links are not followed."""
        handle = _Body(self._ask(_OPENDIR, _text(directory), _HANDLE)).text()
        seen = 0
        while seen < _MOST_NAMES:
            try:
                body = _Body(self._ask(_READDIR, _text(handle), _NAME))
            except StatusError as error:
                if error.code == EOF:
                    break
                raise
            for _ in range(body.number()):
                name, _ = body.text(), body.text()
                seen += 1
                yield name, _attributes(body)
        self._done(self._request(_CLOSE, _text(handle)))

    def rename(self, source: bytes, target: bytes) -> None:
        """Gives a file another name, in place of what has it.

        A server without OpenSSH's extension cannot do that at once: there, what has the name is removed before.
        """
        if b"posix-rename@openssh.com" in self._extensions:
            arguments = _text(b"posix-rename@openssh.com") + _text(source) + _text(target)
            self._done(self._request(_EXTENDED, arguments))
            return
        self.remove(target)
        self._done(self._request(_RENAME, _text(source) + _text(target)))

    def remove(self, path: bytes) -> None:
        """Removes a file; one that is not there is no error."""
        try:
            self._done(self._request(_REMOVE, _text(path)))
        except StatusError as error:
            if error.code != NO_SUCH_FILE:
                raise

    def _open(self, path: bytes, flags: int) -> bytes:
        mode = struct.pack(">II", _HAS_MODE, 0o600)
        return _Body(self._ask(_OPEN, _text(path) + struct.pack(">I", flags) + mode, _HANDLE)).text()

    def _ask_for(self, handle: bytes, offset: int, count: int) -> int:
        return self._request(_READ, _text(handle) + struct.pack(">QI", offset, count))

    def _ask(self, kind: int, body: bytes, expected: int) -> bytes:
        return self._answer(self._request(kind, body), expected)

    def _request(self, kind: int, body: bytes) -> int:
        self._number = (self._number + 1) & 0xFFFFFFFF
        self._send(kind, struct.pack(">I", self._number) + body)
        return self._number

    def _done(self, number: int) -> None:
        self._answer(number, _STATUS)

    def _answer(self, number: int, expected: int) -> bytes:
        """The body of the answer to a request, in whatever order answers come."""
        while number not in self._answers:
            kind, body = self._receive()
            self._answers[_Body(body).number()] = (kind, body[4:])
        kind, body = self._answers.pop(number)
        if kind == _STATUS:
            status = _Body(body)
            code = status.number()
            if code != OK:
                raise StatusError(code, status.text().decode(errors="replace"))
        if kind != expected:
            raise ProtocolError(f"packet {kind} in place of {expected}")
        return body

    def _send(self, kind: int, body: bytes) -> None:
        self._pipes.send(struct.pack(">IB", len(body) + 1, kind) + body)

    def _receive(self) -> tuple[int, bytes]:
        (length,) = struct.unpack(">I", self._pipes.receive(4))
        if not 1 <= length <= _LARGEST_PACKET:
            raise ProtocolError(f"a packet of {length} bytes")
        packet = self._pipes.receive(length)
        return packet[0], packet[1:]


class _Body:
    """A packet that is being read."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._at = 0

    def number(self) -> int:
        return int.from_bytes(self._take(4), "big")

    def large(self) -> int:
        return int.from_bytes(self._take(8), "big")

    def text(self) -> bytes:
        return self._take(self.number())

    @property
    def at_end(self) -> bool:
        return self._at >= len(self._raw)

    def _take(self, count: int) -> bytes:
        taken = self._raw[self._at : self._at + count]
        if len(taken) != count:
            raise ProtocolError("a packet that is too short")
        self._at += count
        return taken


def _attributes(body: _Body) -> Attributes:
    flags = body.number()
    size = body.large() if flags & _HAS_SIZE else 0
    if flags & _HAS_OWNER:
        body.large()
    mode = body.number() if flags & _HAS_MODE else 0
    if flags & _HAS_TIMES:
        body.large()
    if flags & _HAS_MORE:
        for _ in range(2 * body.number()):
            body.text()
    return Attributes(size, mode)


def _extensions(raw: bytes) -> Iterator[bytes]:
    body = _Body(raw)
    while not body.at_end:
        yield body.text()
        body.text()


def _text(value: bytes) -> bytes:
    return struct.pack(">I", len(value)) + value
