"""The log of a server that runs as a plain process: its last lines, and those that come."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

_PIECE: Final = 1 << 16


def last_lines(file: Path, count: int) -> list[str]:
    """The last lines, the oldest first, also from the file before where this one has too few.

    Raises:
        OSError: it is there and may not be read.
    """
    found = _tail(file, count)
    before = file.with_name(f"{file.name}.1")
    return found if len(found) >= count else _tail(before, count - len(found)) + found


def following(file: Path, pause: Callable[[], object]) -> Iterator[str]:
    """The whole lines that are written from now on, for ever; goes on in the new file when this one is full.

    Args:
        file: may be missing as yet.
        pause: waits a moment.
    """
    # Now, and not when the first line is asked for: what is written in between is among those that come.
    return _on_from(file, *_end(file), pause)


def _on_from(file: Path, position: int, number: int, pause: Callable[[], object]) -> Iterator[str]:
    rest = b""
    while True:
        data, position, number = _read_on(file, position, number)
        *lines, rest = (rest + data).split(b"\n")
        yield from (_text(line) for line in lines)
        if not data:
            pause()


def _tail(file: Path, count: int) -> list[str]:
    try:
        stream = file.open("rb")
    except FileNotFoundError:
        return []
    with stream:
        position = stream.seek(0, os.SEEK_END)
        data = b""
        while position > 0 and data.count(b"\n") <= count:
            step = min(_PIECE, position)
            position -= step
            stream.seek(position)
            data = stream.read(step) + data
    lines = data.removesuffix(b"\n").split(b"\n") if data else []
    return [_text(line) for line in lines[max(0, len(lines) - count) :]]


def _end(file: Path) -> tuple[int, int]:
    try:
        found = file.stat()
    except FileNotFoundError:
        return 0, 0
    return found.st_size, found.st_ino


def _read_on(file: Path, position: int, number: int) -> tuple[bytes, int, int]:
    """What is new: first the rest of the file that was read so far, which may have another name by now."""
    for candidate in (file.with_name(f"{file.name}.1"), file):
        try:
            with candidate.open("rb") as stream:
                found = os.fstat(stream.fileno())
                if found.st_ino == number:
                    stream.seek(position)
                    data = stream.read(_PIECE)
                    if data or candidate == file:
                        return data, position + len(data), number
                elif candidate == file:
                    data = stream.read(_PIECE)
                    return data, len(data), found.st_ino
        except FileNotFoundError:
            continue
    return b"", position, number


def _text(line: bytes) -> str:
    return line.decode("utf-8", "replace").rstrip("\r")
