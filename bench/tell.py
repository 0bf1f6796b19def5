"""Agents that wait, and some that write to them: ``python -m bench.tell``, specification and result as in load.

The time of a message begins before its request is written and ends when the addressee's answer has arrived, both by
the clock of this process. It contains the sender's request, the commit, and the waiting agent's read.
"""

from __future__ import annotations

import asyncio
import gc
import json
import random
import sys
import time
from collections.abc import Iterable
from typing import Any, Final, cast

import uvloop

from bench.agents import agent
from bench.load import percentile
from bench.wire import content, is_right, is_whole, tool_call

PATIENCE: Final = 20.0
WAIT_SECONDS: Final = 100


class Line(asyncio.Protocol):
    """A connection with one request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._answer: asyncio.Future[tuple[float, bytes]] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    async def ask(self, request: bytes) -> tuple[float, bytes]:
        """When the response was whole, and the response."""
        assert self._transport is not None  # noqa: S101 - only called once connected
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        self._buffer += data
        if is_whole(self._buffer) and self._answer is not None:
            response = bytes(self._buffer)
            self._buffer.clear()
            self._answer.set_result((now, response))

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionError(f"the server closed the connection: {exc}"))

    def close(self) -> None:
        """Closes the connection."""
        if self._transport is not None:
            self._transport.close()


class Waiting:
    """All agents that wait, and when which message reached whom.

    Args:
        port: the server's.
        count: how many agents.
    """

    def __init__(self, port: int, count: int) -> None:
        self._port = port
        self._count = count
        self._told: dict[tuple[str, str], asyncio.Future[float]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._listening = 0
        self._all_listen = asyncio.Event()

    async def begin(self) -> None:
        """Connects everybody and lets everybody wait, with nothing unread behind."""
        self._tasks = [asyncio.create_task(self._listen(agent(number))) for number in range(1, self._count + 1)]
        async with asyncio.timeout(PATIENCE):
            await self._all_listen.wait()

    def expect(self, reader: str, subject: str) -> asyncio.Future[float]:
        """The time at which the reader will have been told of it."""
        told = asyncio.get_running_loop().create_future()
        self._told[reader, subject] = told
        return told

    def end(self) -> None:
        """Nobody waits any more."""
        for task in self._tasks:
            task.cancel()

    def check(self) -> None:
        """Raises what went wrong for somebody who waits."""
        for task in self._tasks:
            if task.done():
                task.result()

    async def _listen(self, reader: str) -> None:
        line = await connected(self._port)
        cursor = await self._newest(line, reader)
        self._listening += 1
        if self._listening == self._count:
            self._all_listen.set()
        while True:
            now, response = await line.ask(waits(reader, cursor, WAIT_SECONDS))
            answer = checked(response, b"cursor")
            cursor = answer["cursor"]
            for message in answer["messages"]:
                told = self._told.pop((reader, message["subject"]), None)
                if told is not None and not told.done():
                    told.set_result(now)

    async def _newest(self, line: Line, reader: str) -> str | None:
        """The cursor behind all that came in earlier rounds."""
        cursor: str | None = None
        while True:
            _, response = await line.ask(waits(reader, cursor, 0))
            answer = checked(response, b"cursor")
            cursor = answer["cursor"]
            if not answer["messages"]:
                return cursor


def waits(reader: str, cursor: str | None, seconds: float) -> bytes:
    """The request of an agent that waits."""
    arguments = {"instanceId": reader, "timeout_seconds": seconds, **({"cursor": cursor} if cursor else {})}
    return tool_call("modern", "wait_for_messages", arguments)


def checked(response: bytes, marker: bytes) -> Any:  # noqa: ANN401 - JSON
    """What was answered.

    Raises:
        ValueError: it is not what was asked for.
    """
    if not is_right(response, marker):
        raise ValueError(response[:600].decode("latin-1"))
    return content(response)


async def connected(port: int) -> Line:
    """A new connection."""
    _, line = await asyncio.get_running_loop().create_connection(Line, "127.0.0.1", port)
    return line


async def send(line: Line, to: str, subject: str, expected: Iterable[asyncio.Future[float]]) -> list[float]:
    """Sends one message; the seconds until each of the expected was told."""
    arguments = {"from": agent(0), "to": to, "subject": subject, "content": "x" * 512}
    request = tool_call("modern", "send_message", arguments)
    began = time.perf_counter()
    async with asyncio.timeout(PATIENCE):
        _, response = await line.ask(request)
        checked(response, b"delivered")
        return [told - began for told in await asyncio.gather(*expected)]


async def one_by_one(spec: dict[str, Any], waiting: Waiting, senders: int, prefix: str) -> list[float]:
    """Seconds of messages to single agents, from so many senders that each wait for the telling."""
    chance = random.Random(senders)  # noqa: S311 - no secrets
    found: list[float] = []

    async def sender(number: int) -> None:
        line = await connected(spec["port"])
        for step in range(spec["samples"] // senders):
            # Each sender has readers of its own, so that nobody is written to before it waits again.
            reader = agent(1 + chance.randrange(spec["waiting"] // senders) * senders + number)
            subject = f"{prefix}-{number}-{step}"
            found.extend(await send(line, reader, subject, [waiting.expect(reader, subject)]))
        line.close()

    await asyncio.gather(*(sender(number) for number in range(senders)))
    return found


async def to_all(spec: dict[str, Any], waiting: Waiting, prefix: str) -> list[float]:
    """Seconds of messages to everybody, until each was told."""
    line = await connected(spec["port"])
    found: list[float] = []
    for step in range(spec["to_all"]):
        subject = f"{prefix}-all-{step}"
        expected = [waiting.expect(agent(number), subject) for number in range(1, spec["waiting"] + 1)]
        found += await send(line, "all", subject, expected)
    line.close()
    return found


async def measure(spec: dict[str, Any]) -> dict[str, Any]:
    """Percentiles for each number of senders, and for messages to all."""
    waiting = Waiting(spec["port"], spec["waiting"])
    await waiting.begin()
    prefix = f"t{time.time_ns()}"
    gc.collect()
    gc.disable()
    result = {}
    try:
        for senders in spec["senders"]:
            result[str(senders)] = _summary(await one_by_one(spec, waiting, senders, f"{prefix}-{senders}"))
        result["all"] = _summary(await to_all(spec, waiting, prefix))
    except TimeoutError:
        waiting.check()
        raise
    waiting.end()
    return result


def _summary(seconds: list[float]) -> dict[str, float]:
    ordered = sorted(seconds)
    return {
        "p50_ms": percentile(ordered, 0.50) * 1000,
        "p99_ms": percentile(ordered, 0.99) * 1000,
        "max_ms": ordered[-1] * 1000,
    }


if __name__ == "__main__":
    outcome = uvloop.run(measure(json.load(sys.stdin)))
    json.dump(outcome, sys.stdout)
