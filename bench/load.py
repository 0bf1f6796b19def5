"""The load generator: ``python -m bench.load`` reads a specification from stdin and writes its result to stdout.

A process of its own, so that it takes nothing from whoever measures; requests are bytes that were built before.
Each client has one connection and sends its next request when it has the answer to the last one.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import json
import struct
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast

import psutil
import uvloop

from bench.wire import is_right, is_whole

_CHANGES: Final = struct.Struct("=8xI")
"""SQLite's wal-index begins with two versions and then the number of committed transactions."""


@dataclass(frozen=True)
class Watch:
    """Looks at the servers' processes and database before and after.

    Attributes:
        pids: of the servers.
        family: a process that counts with all its children, a database server.
        wal_index: the file in which SQLite counts.
    """

    pids: list[int]
    family: int | None
    wal_index: str | None

    def look(self) -> tuple[float, float, int]:
        """CPU seconds until now of the servers and of the family, and how many transactions SQLite committed."""
        family = [] if self.family is None else [psutil.Process(self.family)]
        family += [child for one in family for child in one.children(recursive=True)]
        return sum(map(_seconds, map(psutil.Process, self.pids))), sum(map(_seconds, family)), self._commits()

    def _commits(self) -> int:
        if self.wal_index is None:
            return 0
        with Path(self.wal_index).open("rb") as file:
            return int(_CHANGES.unpack(file.read(_CHANGES.size))[0])


def _seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


@dataclass
class Tally:
    """What all clients together have until now."""

    marker: bytes
    deadline: float = 0.0
    left: int = sys.maxsize
    latencies: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def take(self, response: bytes | bytearray, began: float, now: float) -> bool:
        """Counts an answer; False once there is nothing more to do."""
        if not is_right(response, self.marker):
            self.wrong.append(response[:2000].decode("latin-1"))
            return False
        self.latencies.append(now - began)
        self.left -= 1
        return now < self.deadline and self.left > 0 and not self.wrong


class Client(asyncio.Protocol):
    """One connection that asks again as soon as it has its answer."""

    def __init__(self, requests: list[bytes]) -> None:
        self._requests = itertools.cycle(requests)
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._tally: Tally | None = None
        self._began = 0.0
        self._finished: asyncio.Future[None] | None = None

    async def connect(self, port: int) -> None:
        """Opens its connection."""
        await asyncio.get_running_loop().create_connection(lambda: self, "127.0.0.1", port)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    async def run(self, tally: Tally) -> None:
        """Asks until the tally says that it is enough."""
        self._tally = tally
        self._finished = asyncio.get_running_loop().create_future()
        self._ask()
        await self._finished

    def _ask(self) -> None:
        assert self._transport is not None  # noqa: S101 - only called once connected
        self._began = time.perf_counter()
        self._transport.write(next(self._requests))

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        response: bytes | bytearray = data
        if self._buffer:
            self._buffer += data
            response = self._buffer
        if not is_whole(response):
            if not self._buffer:
                self._buffer += data
            return
        assert self._tally is not None  # noqa: S101 - data come after a request
        more = self._tally.take(response, self._began, now)
        self._buffer = bytearray()
        if more:
            self._ask()
        else:
            self._finish()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._tally is not None and self._finished is not None and not self._finished.done():
            self._tally.wrong.append(f"the server closed the connection: {exc}")
            self._finish()

    def _finish(self) -> None:
        if self._finished is not None and not self._finished.done():
            self._finished.set_result(None)

    def close(self) -> None:
        """Closes the connection."""
        if self._transport is not None:
            self._transport.close()


def percentile(ordered: list[float], share: float) -> float:
    """The value that so large a share of them does not exceed."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


async def measure(spec: dict[str, Any]) -> dict[str, Any]:
    """Warms up, measures, and answers with what came out."""
    scripts = [[request.encode("latin-1") for request in script] for script in spec["scripts"]]
    marker = spec["marker"].encode()
    clients = [Client(scripts[number % len(scripts)]) for number in range(spec["clients"])]
    ports = itertools.cycle(spec["ports"])
    await asyncio.gather(*(client.connect(next(ports)) for client in clients))
    warming = Tally(marker, time.perf_counter() + spec["warm"])
    await asyncio.gather(*(client.run(warming) for client in clients))
    watch = Watch(spec["pids"], spec["family"], spec["wal_index"])
    gc.collect()
    gc.disable()
    cpu, family, commits = watch.look()
    began = time.perf_counter()
    tally = Tally(marker, began + spec["seconds"], spec["limit"] or sys.maxsize)
    if not warming.wrong:
        await asyncio.gather(*(client.run(tally) for client in clients))
    seconds = time.perf_counter() - began
    cpu_after, family_after, commits_after = watch.look()
    for client in clients:
        client.close()
    ordered = sorted(tally.latencies)
    return {
        "answered": len(ordered),
        "seconds": seconds,
        "p50_ms": percentile(ordered, 0.50) * 1000,
        "p99_ms": percentile(ordered, 0.99) * 1000,
        "max_ms": (ordered[-1] if ordered else 0.0) * 1000,
        "cpu_seconds": cpu_after - cpu,
        "family_seconds": family_after - family,
        "own_cpu_seconds": time.process_time(),
        "commits": commits_after - commits,
        "wrong": (warming.wrong + tally.wrong)[:3],
    }


if __name__ == "__main__":
    result = uvloop.run(measure(json.load(sys.stdin)))
    json.dump(result, sys.stdout)
