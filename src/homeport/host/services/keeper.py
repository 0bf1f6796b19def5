"""Keeps the server of an environment without a service manager: its log, its sockets, and how it ended.

Run as a program of its own, by its path and with the standard library alone, so that it is small: it stays as long as
the server does. It says its pid on stdout, and begins only when it is told to (a byte on stdin), which is after it was
written down who it is: a starter that was killed before leaves nothing behind.

Where it was given listening sockets, it holds them, and runs servers in two slots beside each other: whoever exchanges
one for the next asks it to on a private socket (:mod:`.control`). It starts none that has ended, but where somebody
who was at it is gone and nothing runs: then the one that he said before.
"""

from __future__ import annotations

import json
import os
import re
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import deque
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

LINE = 400
"""Characters of the last line that are kept."""
END_LINES = 80
"""Lines of a log's end in which an error is looked for."""
NODE_ERROR = re.compile(r"(Uncaught )?[A-Z]?\w*(Error|Exception)( \[\w+\])?: ")
NODE_END = re.compile(r"Node\.js v\d+\.\d+\.\d+")
CANNOT_RUN = 127
"""The exit code of a program that is not there, as shells have it."""
MARK = "HOMEPORT_STARTED_AS"
"""The variable that carries the mark of a keeper to all that it starts."""
_LAST_LINES = 2.0
_LONGEST_LINE = 1 << 16
_SEND_SECONDS = 5.0


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


class Server:
    """One server that was started.

    Args:
        order: ``command``; and ``slot``, ``target``, ``variables``, ``directory``, where they are not those of before.
        number: of the start.
        log: gets its lines.
        variables: besides those of the order.
        sockets: that it inherits.

    Attributes:
        asked: whether it was told to end.
        over: whether it has ended, and all was passed on that it said; what it started may still be ``open``.
    """

    def __init__(
        self, order: dict[str, Any], number: int, log: Log, variables: dict[str, str], sockets: list[int]
    ) -> None:
        self.order, self.number, self._log = order, number, log
        self.notices: socket.socket | None = None
        self.asked = self.ready = self.over = self.open = False
        self.code: int | None = None
        self._end: deque[bytes] = deque(maxlen=END_LINES)
        self._rest, self._deadline = b"", 0.0
        self.process: subprocess.Popen[bytes] | None = None
        try:
            self.process = subprocess.Popen(
                order["command"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=order.get("directory"),
                env={**order.get("variables", os.environ), **variables},
                pass_fds=sockets,
            )
            self.open = True
        except OSError as error:
            self._write(f"{error.filename or order['command'][0]} cannot be run: {error.strerror}\n".encode())
            self.code = CANNOT_RUN

    @property
    def last_line(self) -> str:
        """What it said last."""
        return last_words(b"".join(self._end).decode("utf-8", "replace"))[:LINE]

    def read(self) -> bool:
        """Passes on what it has said; whether it may say more."""
        if self.process is None or self.process.stdout is None:
            return False
        data = os.read(self.process.stdout.fileno(), _LONGEST_LINE)
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._write(line + b"\n")
        if self._rest and (not data or len(self._rest) >= _LONGEST_LINE):
            self._write(self._rest)
            self._rest = b""
        if not data:
            self.process.stdout.close()
            self.open = False
        return self.open

    def look(self) -> bool:
        """Whether it has ended, and all is there that it said."""
        if self.code is None and self.process is not None:
            self.code = self.process.poll()
            self._deadline = time.monotonic() + _LAST_LINES
        return self.code is not None and (not self.open or time.monotonic() >= self._deadline)

    def shown(self) -> dict[str, Any]:
        """For those who ask."""
        pid, target = self.process.pid if self.process is not None else 0, self.order.get("target", "")
        code, line = (self.code, self.last_line) if self.over else (None, "")
        known = {"pid": pid, "number": self.number, "target": target, "code": code, "line": line}
        return {**known, "ready": self.ready, "asked": self.asked}

    def _write(self, data: bytes) -> None:
        self._end.append(data)
        self._log.write(data)


class Keeper:
    """Runs the servers of one environment until none is left.

    Args:
        order: of the first server; and ``log``, ``limit``, ``kept``, ``end``: the log's path, its size in bytes, how
            many full ones stay, and where it is written how the last one ended; ``mark``, which is written there too;
            where servers hand over to each other ``sockets`` and ``runtime``: descriptors that listen, and a directory.
    """

    def __init__(self, order: dict[str, Any]) -> None:
        self._order = order
        self._log = Log(Path(order["log"]), order["limit"], order["kept"])
        self._sockets: list[int] = order.get("sockets", [])
        self._selector, self._number = selectors.DefaultSelector(), 0
        self._servers: dict[str, Server] = {}
        self._sessions: dict[socket.socket, bytes] = {}
        self._asked = self._idle = self._over = False
        self._first: tuple[str, socket.socket] | None = None
        self._control = bound(order, "control", socket.SOCK_STREAM)

    def run(self) -> int:
        """Until nothing runs, nobody is about to start one, and all was written that they said."""
        self._wake()
        if control := self._control:
            self._selector.register(control, selectors.EVENT_READ, lambda: self._accept(control))
        signal.signal(signal.SIGTERM, lambda *_: self._end_all())
        # A terminal that closes, and Ctrl-C in it, are not meant for what goes on without it.
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        self._begin(self._order)
        self._look()
        while not self._over or any(one.open for one in self._servers.values()):
            waits = any(one.code is not None and not one.over for one in self._servers.values())
            for key, _ in self._selector.select(_LAST_LINES / 10 if waits else None):
                key.data()
            self._look()
        return 0

    def _wake(self) -> None:
        reads, writes = os.pipe()
        os.set_blocking(writes, False)
        signal.set_wakeup_fd(writes)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._selector.register(reads, selectors.EVENT_READ, lambda: os.read(reads, 4096))

    def _begin(self, order: dict[str, Any]) -> None:
        slot, variables = order.get("slot", ""), {MARK: self._order["mark"]}
        notices = bound(self._order, f"{slot}.notify", socket.SOCK_DGRAM)
        if notices is not None:
            variables["NOTIFY_SOCKET"] = notices.getsockname()
        if self._idle:
            self._idle = False
            write_end(self._order, None, self._log)
        self._number += 1
        server = Server(order, self._number, self._log, variables, self._sockets)
        server.notices = notices
        self._servers[slot] = server
        if server.process is not None and server.process.stdout is not None:
            number = server.process.stdout.fileno()
            self._selector.register(
                number, selectors.EVENT_READ, lambda: server.read() or self._selector.unregister(number)
            )
        if notices is not None:
            self._selector.register(notices, selectors.EVENT_READ, lambda: self._hear(server))

    def _hear(self, server: Server) -> None:
        lines = server.notices.recv(_LONGEST_LINE).split(b"\n") if server.notices else []
        if b"READY=1" in lines:
            server.ready = True
            if self._first is not None and self._first[1] not in self._sessions:
                self._first = None  # Whoever was about to exchange it is gone, and this one serves.
        elif b"STOPPING=1" in lines:
            server.ready = False

    def _look(self) -> None:
        for server in list(self._servers.values()):
            if not server.over and server.look():
                server.over, server.ready = True, False
                if server.notices is not None:
                    self._selector.unregister(server.notices)
                    server.notices.close()
        if not self._over and all(one.over for one in self._servers.values()):
            self._none_runs()

    def _none_runs(self) -> None:
        if not self._idle:
            self._idle = True
            write_end(self._order, max(self._servers.values(), key=lambda one: one.number), self._log)
        if self._first is not None and self._first[1] not in self._sessions and not self._asked:
            self._begin(self._servers[self._first[0]].order)
            self._first = None
        elif self._asked or not self._sessions:
            self._close()
        # Else somebody is about to start one: who connects meanwhile waits.

    def _close(self) -> None:
        """Nobody accepts any more: whoever calls is better refused than left waiting."""
        self._over = True
        for one in self._sockets:
            os.close(one)
        if self._control is not None:
            self._selector.unregister(self._control)
            self._control.close()
            with suppress(OSError):
                for path in Path(self._order["runtime"]).iterdir():
                    path.unlink()
                Path(self._order["runtime"]).rmdir()
        for session in list(self._sessions):
            self._hang_up(session)

    def _end_all(self) -> None:
        if not self._asked:
            self._asked = True
            for one in self._servers.values():
                one.asked = True
            # The group is this process's own: nobody else is in it.
            os.killpg(0, signal.SIGTERM)

    def _accept(self, control: socket.socket) -> None:
        session, _ = control.accept()
        session.settimeout(_SEND_SECONDS)
        self._sessions[session] = b""
        self._selector.register(session, selectors.EVENT_READ, lambda: self._talk(session))

    def _talk(self, session: socket.socket) -> None:
        try:
            data = session.recv(_LONGEST_LINE)
            *lines, self._sessions[session] = (self._sessions[session] + data).split(b"\n")
            for line in lines:
                session.sendall(json.dumps(self._answer(dict(json.loads(line)), session)).encode() + b"\n")
        except (OSError, ValueError, KeyError, TypeError):
            data = b""
        if not data:
            self._hang_up(session)

    def _hang_up(self, session: socket.socket) -> None:
        del self._sessions[session]
        self._selector.unregister(session)
        session.close()
        if self._first is not None and self._first[1] is session and not self._servers[self._first[0]].asked:
            self._first = None  # It was not ended yet, and serves on.

    def _answer(self, asked: dict[str, Any], session: socket.socket) -> dict[str, Any]:
        slot = asked.get("slot")
        match asked["do"]:
            case "begin" if slot not in self._servers or self._servers[slot].over:
                self._begin(asked)
            case "end" if slot in self._servers and not self._servers[slot].over:
                server, number = self._servers[slot], int(asked["signal"])
                server.asked = True
                if server.process is not None and server.process.poll() is None:
                    server.process.send_signal(number)
            case "first":
                self._first = (asked["slot"], session) if slot in self._servers else None
        return {"slots": {name: server.shown() for name, server in self._servers.items()}, "sockets": self._sockets}


def bound(order: dict[str, Any], name: str, kind: socket.SocketKind) -> socket.socket | None:
    """A socket in the directory of an order, which listens where it can; None where there is no directory."""
    if "runtime" not in order:
        return None
    path = Path(order["runtime"]) / name
    path.unlink(missing_ok=True)
    one = socket.socket(socket.AF_UNIX, kind)
    one.bind(str(path))
    if kind == socket.SOCK_STREAM:
        one.listen()
    return one


def write_end(order: dict[str, Any], server: Server | None, log: Log) -> None:
    """Writes down how the last server ended; for None that another one has begun since."""
    target = Path(order["end"])
    try:
        if server is None:
            target.unlink(missing_ok=True)
            return
        end = {
            "mark": order["mark"],
            "code": server.code,
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "asked": server.asked,
            "line": server.last_line,
        }
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
    # Before anybody knows of it, so that whoever does finds it listening.
    keeper = Keeper(order)
    os.write(1, f"{os.getpid()}\n".encode())
    if not os.read(0, 1):
        return 0
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    return keeper.run()


if __name__ == "__main__":
    sys.exit(main())
