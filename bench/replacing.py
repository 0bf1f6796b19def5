"""A server replaced under load: one slot hands over to the next, beside a plain restart of the same server."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bench.plan import Plan
from bench.report import Figure, Outcome
from bench.servers import HOMEPORT, READY_SECONDS, NotStartedError

CASE: Final = "replacing"
CLIENTS: Final = 32
FAILED: Final = "requests failed while a server is replaced"
GAP: Final = "longest wait for an answer"
HAND_OVER: Final = "homeport, from slot to slot"
RESTART: Final = "homeport, stopped and started"
_ENVIRONMENT: Final = "development"
_PAUSE: Final = 0.005
_AROUND: Final = 0.5
"""Seconds of load before and after."""
_HAND_SOCKET: Final = """
import os, sys
os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1", "LISTEN_FDNAMES": "http"}
os.dup2(int(sys.argv[1]), 3)
os.execv(sys.argv[2], sys.argv[2:])
"""
"""What a service manager does between fork and exec."""
_CALL: Final = json.dumps(
    {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "get_server_status", "arguments": {}}}
)


@dataclass
class Clients:
    """Each calls as soon as it was answered, on one connection for as long as the server keeps it."""

    port: int
    answered: int = 0
    failed: int = 0
    longest: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _over: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def calling(self) -> Iterator[None]:
        """They call while the block runs."""
        threads = [threading.Thread(target=self._call) for _ in range(CLIENTS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._over.set()
            for thread in threads:
                thread.join()

    def _call(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=READY_SECONDS)
        last = time.monotonic()
        while not self._over.wait(_PAUSE):
            right = False
            with suppress(OSError, http.client.HTTPException, ValueError):
                connection.request("POST", "/mcp", _CALL, {"Content-Type": "application/json"})
                right = "result" in json.loads(connection.getresponse().read())
            if not right:
                connection.close()
            now = time.monotonic()
            with self._lock:
                self.answered += right
                self.failed += not right
                if right:
                    self.longest = max(self.longest, now - last)
            if right:
                last = now
        connection.close()


class Place:
    """Where both ways happen: a declaration, and a listening socket that stays.

    Args:
        directory: for all of it.
    """

    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        (directory / _ENVIRONMENT / "data").mkdir(parents=True)
        self.directory = directory
        self.listening = socket.create_server(("127.0.0.1", 0), backlog=2048)
        self.port = int(self.listening.getsockname()[1])
        self.file = directory / "homeport.toml"
        self.file.write_text(f'[environments.{_ENVIRONMENT}]\nhttp_port = {self.port}\nprotocols = ["http"]\n')
        self._slots = 0

    def start(self, *, slot: bool) -> subprocess.Popen[bytes]:
        """A server that is ready."""
        self._slots += 1
        private = self.directory / f"{self._slots}.sock"
        words = [str(HOMEPORT), "serve", _ENVIRONMENT, "--config", str(self.file), "--also-socket", str(private)]
        command: Sequence[str] = words
        handed: tuple[int, ...] = ()
        if slot:
            handed = (self.listening.fileno(),)
            command = [sys.executable, "-c", _HAND_SOCKET, str(handed[0]), *words, "--standby"]
        with (self.directory / "log").open("ab") as log:
            process = subprocess.Popen(command, pass_fds=handed, stderr=log, env={**os.environ})
        end = time.monotonic() + READY_SECONDS
        while not _is_ready(private):
            if process.poll() is not None or time.monotonic() > end:
                process.kill()
                raise NotStartedError((self.directory / "log").read_text()[-800:])
            time.sleep(_PAUSE)
        return process


def _is_ready(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as one, suppress(OSError):
        one.settimeout(READY_SECONDS)
        one.connect(str(path))
        one.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        return one.recv(64).startswith(b"HTTP/1.1 200")
    return False


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(READY_SECONDS)


def _hand_over(place: Place, old: subprocess.Popen[bytes]) -> subprocess.Popen[bytes]:
    new = place.start(slot=True)
    _end(old)
    return new


def _restart(place: Place, old: subprocess.Popen[bytes]) -> subprocess.Popen[bytes]:
    _end(old)
    return place.start(slot=False)


Way = Callable[[Place, "subprocess.Popen[bytes]"], "subprocess.Popen[bytes]"]
WAYS: Final[tuple[tuple[str, bool, Way], ...]] = ((HAND_OVER, True, _hand_over), (RESTART, False, _restart))


def run(plan: Plan) -> Outcome:
    """Replaces a server under load, in each way as often as there are rounds."""
    outcome = Outcome()
    figures: dict[str, list[Figure]] = {FAILED: [], GAP: []}
    for who, slot, way in WAYS:
        place = Place(plan.directory / f"{CASE}-{int(slot)}")
        if not slot:
            place.listening.close()
        seen: list[Clients] = []
        process = place.start(slot=slot)
        try:
            for number in range(1, plan.rounds + 1):
                plan.say(f"{CASE}: {who}, round {number} of {plan.rounds}")
                clients = Clients(place.port)
                with clients.calling():
                    time.sleep(_AROUND)
                    process = way(place, process)
                    time.sleep(_AROUND)
                seen.append(clients)
        finally:
            _end(process)
        answered = {"answered": sum(one.answered for one in seen) / len(seen)}
        failed, waits = tuple(float(one.failed) for one in seen), tuple(1000 * one.longest for one in seen)
        figures[FAILED].append(Figure(CASE, FAILED, who, "requests", failed, answered))
        figures[GAP].append(Figure(CASE, GAP, who, "ms", waits))
    outcome.figures = [*figures[FAILED], *figures[GAP]]
    handed = figures[FAILED][0]
    outcome.at_most(f"{FAILED}, {HAND_OVER}", sum(handed.values), 0)
    return outcome
