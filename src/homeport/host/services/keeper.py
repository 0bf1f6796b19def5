"""Keeps one server that runs without a service manager: writes its log, and writes down how it ended.

Run as a program of its own, by its path and with the standard library alone, so that it is small: it stays as long as
the server does. It says its pid on stdout, and begins only when it is told to (a byte on stdin), which is after it was
written down who it is: a starter that was killed before leaves nothing behind.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections import deque
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

LINE = 400
"""Characters of the last line that are kept."""
END_LINES = 80
"""Lines of a log's end in which an error is looked for."""
NODE_ERROR = re.compile(r"(Uncaught )?[A-Z]?\w*(Error|Exception)( \[\w+\])?: ")
NODE_END = re.compile(r"Node\.js v\d+\.\d+\.\d+")
CANNOT_RUN = 127
"""The exit code of a program that is not there, as shells have it."""
_LAST_LINES = 2.0


class Log:
    """A file that lines are appended to. One that is full gets a number and a new one begins.

    Args:
        path: of the file.
        limit: bytes.
        kept: how many full ones stay.
    """

    def __init__(self, path: Path, limit: int, kept: int) -> None:
        self._path = path
        self._limit = limit
        self._kept = kept
        self._file = path.open("ab", buffering=0)
        self._end: deque[bytes] = deque(maxlen=END_LINES)

    @property
    def last_line(self) -> str:
        """What was said last."""
        return last_words(b"".join(self._end).decode("utf-8", "replace"))[:LINE]

    def write(self, data: bytes) -> None:
        """Appends. A disk that is full loses lines, and never the server."""
        self._end.append(data)
        try:
            self._file.write(data)
            if self._file.tell() >= self._limit and data.endswith(b"\n"):
                self._turn()
        except OSError:
            return

    def close(self) -> None:
        """Ends the writing."""
        self._file.close()

    def _turn(self) -> None:
        for number in range(self._kept, 0, -1):
            older = self._numbered(number)
            newer = self._numbered(number - 1) if number > 1 else self._path
            if newer.exists():
                newer.replace(older)
        self._file.close()
        self._file = self._path.open("ab", buffering=0)

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")


def last_words(text: str) -> str:
    """The last line of a log; where that is indented, with the one that it belongs to before it.

    Node says its own version last, and the error before it.
    """
    words = error = ""
    for line in text.splitlines():
        if NODE_ERROR.match(line):
            error = line.strip()
        if line.strip():
            words = f"{words} {line.strip()}" if words and line[0].isspace() else line.strip()
    return error if error and NODE_END.fullmatch(words) else words


def keep(order: dict[str, Any]) -> int:
    """Runs the command of an order to its end.

    Args:
        order: ``command``, ``log``, ``limit``, ``kept``, ``end``: the arguments, the log's path, its size in bytes,
            how many full ones stay, and where it is written how the command ended; ``mark``, which is written there
            too.
    """
    log = Log(Path(order["log"]), order["limit"], order["kept"])
    asked = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: _end_all(asked))
    # A terminal that closes, and Ctrl-C in it, are not meant for what goes on without it.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        server = subprocess.Popen(
            order["command"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
    except OSError as error:
        log.write(f"{order['command'][0]} cannot be run: {error.strerror}\n".encode())
        _write_end(order, CANNOT_RUN, asked, log)
        return CANNOT_RUN
    reader = threading.Thread(target=_copy, args=(server.stdout, log), daemon=True)
    reader.start()
    code = server.wait()
    reader.join(_LAST_LINES)
    _write_end(order, code, asked, log)
    # What the server started itself may go on, and write.
    reader.join()
    return 0


def _end_all(asked: threading.Event) -> None:
    if not asked.is_set():
        asked.set()
        # The group is this process's own: nobody else is in it.
        os.killpg(0, signal.SIGTERM)


def _copy(stream: BinaryIO, log: Log) -> None:
    while line := stream.readline(1 << 16):
        log.write(line)


def _write_end(order: dict[str, Any], code: int, asked: threading.Event, log: Log) -> None:
    end = {
        "mark": order["mark"],
        "code": code,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "asked": asked.is_set(),
        "line": log.last_line,
    }
    target = Path(order["end"])
    try:
        descriptor, temporary = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            json.dump(end, stream)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).replace(target)
    except OSError as error:
        log.write(f"how it ended could not be written down: {error.strerror}\n".encode())


def main() -> int:
    """Becomes nobody's child, waits for the word to begin, then keeps."""
    order = json.loads(sys.argv[1])
    if os.fork():
        return 0
    os.setsid()
    os.write(1, f"{os.getpid()}\n".encode())
    if not os.read(0, 1):
        return 0
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    return keep(order)


if __name__ == "__main__":
    sys.exit(main())
