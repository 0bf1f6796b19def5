"""Clients of every kind that must not notice a change of release: a program for a machine of a test.

``python3 steady.py PORT PROXY_PORT SSE_PORT TOKEN SECONDS STOP`` calls until the file STOP is there, SECONDS at most,
and prints one JSON object: how many requests were answered, every one that was not, how many messages were
acknowledged, and how long anybody waited at most. It needs the standard library alone.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections import Counter
from contextlib import suppress
from typing import Any

KEPT, FRESH, PROXIED, SLOW, STREAMS = 10, 6, 8, 4, 4
"""Clients: on one connection each, on a new one for each call, through the proxy, with long waits, with streams."""
LONG = 3
"""Seconds of a long wait."""
PAUSE = 0.1
PATIENCE = 60.0


class Tally:
    """What happened to all of them."""

    def __init__(self) -> None:
        self.answered: Counter[str] = Counter()
        self.sent = 0
        self.failed: list[str] = []
        self.longest: dict[str, float] = {}

    def note(self, kind: str, began: float) -> None:
        self.answered[kind] += 1
        self.longest[kind] = max(self.longest.get(kind, 0.0), time.monotonic() - began)


class Client:
    """Keeps a connection for as long as the server does."""

    def __init__(self, port: int, token: str) -> None:
        self.port = port
        self.token = token
        self.streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        if self.streams is None:
            self.streams = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 22)
        reader, writer = self.streams
        lines = [
            f"{method} {path} HTTP/1.1",
            "Host: localhost",
            f"Authorization: Bearer {self.token}",
            "Content-Type: application/json",
            "Accept: application/json, text/event-stream",
            f"Content-Length: {len(body)}",
        ]
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        fields = dict(line.lower().split(": ", 1) for line in head[1:] if ": " in line)
        if "chunked" in fields.get("transfer-encoding", ""):
            answer = b""
            while size := int(await reader.readuntil(b"\r\n"), 16):
                answer += (await reader.readexactly(size + 2))[:-2]
            await reader.readexactly(2)
        else:
            answer = await reader.readexactly(int(fields.get("content-length", "0")))
        if fields.get("connection") == "close":
            self.close()
        return int(head[0].split()[1]), answer

    def close(self) -> None:
        if self.streams is not None:
            self.streams[1].close()
        self.streams = None


async def call(client: Client, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "arguments": arguments}}
    status, answer = await client.ask("POST", "/mcp", json.dumps(body).encode())
    found = json.loads(answer) if status == 200 else {}
    if "result" not in found:
        raise ValueError(f"{name}: {status} {answer[:200]!r}")
    return dict(found["result"])


async def caller(tally: Tally, over: asyncio.Event, kind: str, client: Client, number: int) -> None:
    """Sends and reads in turn."""
    name = f"{kind}-{number}"
    await call(client, "register_instance", {"instanceId": name, "role": "dev"})
    count = 0
    while not over.is_set():
        count += 1
        began = time.monotonic()
        try:
            async with asyncio.timeout(PATIENCE):
                if kind == "slow":
                    await call(client, "wait_for_messages", {"instanceId": name, "timeout_seconds": LONG})
                elif count % 2:
                    key = {"idempotency_key": f"{name}-{count}"}
                    await call(
                        client, "send_message", {"from": name, "to": "kept-0", "subject": "s", "content": "c", **key}
                    )
                    tally.sent += 1
                else:
                    await call(client, "get_server_status", {})
            tally.note(kind, began)
        except (OSError, EOFError, ValueError, asyncio.IncompleteReadError) as error:
            tally.failed.append(f"{kind} after {time.monotonic() - began:.2f} s: {error!r}")
            client.close()
        if kind == "fresh":
            client.close()
        await at_most(PAUSE, over)


async def stream(tally: Tally, over: asyncio.Event, port: int, token: str) -> None:
    """Listens to HTTP+SSE; a stream that ends is opened again at once, and that must succeed."""
    while not over.is_set():
        began = time.monotonic()
        try:
            async with asyncio.timeout(PATIENCE):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                head = f"GET /sse HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n"
                writer.write(head.encode())
                first = await reader.readuntil(b"\r\n\r\n")
                ready = b" 200 " in first.split(b"\r\n")[0] and await reader.readuntil(b"endpoint")
            if ready:
                tally.note("stream", began)
            else:
                tally.failed.append(f"stream: {first!r}")
            while not over.is_set() and await reader.read(65536):
                pass
            writer.close()
        except (OSError, EOFError, ValueError, asyncio.IncompleteReadError) as error:
            tally.failed.append(f"stream after {time.monotonic() - began:.2f} s: {error!r}")
        await at_most(PAUSE, over)


async def at_most(seconds: float, over: asyncio.Event) -> None:
    """Waits for the end, but not longer than this."""
    with suppress(TimeoutError):
        await asyncio.wait_for(over.wait(), seconds)


async def run(port: int, proxy: int, sse: int, token: str, seconds: float, stop: str) -> dict[str, Any]:
    tally, over = Tally(), asyncio.Event()
    kinds = [("kept", port, KEPT), ("fresh", port, FRESH), ("proxied", proxy, PROXIED), ("slow", port, SLOW)]
    tasks = [
        asyncio.create_task(caller(tally, over, kind, Client(where, token), number))
        for kind, where, count in kinds
        for number in range(count)
    ]
    streams = [asyncio.create_task(stream(tally, over, sse, token)) for _ in range(STREAMS)]
    end = time.monotonic() + seconds
    while not os.path.exists(stop) and time.monotonic() < end:  # noqa: ASYNC240, PTH110 - another process makes it
        await at_most(0.1, over)
    over.set()
    await asyncio.gather(*tasks)
    for task in streams:
        task.cancel()
    await asyncio.gather(*streams, return_exceptions=True)
    return {
        "answered": sum(tally.answered.values()),
        "by_kind": dict(tally.answered),
        "sent": tally.sent,
        "failed": tally.failed,
        "longest": {kind: round(waited, 3) for kind, waited in tally.longest.items()},
    }


if __name__ == "__main__":
    port, proxy, sse, token, seconds, stop = sys.argv[1:]
    found = asyncio.run(run(int(port), int(proxy), int(sse), token, float(seconds), stop))
    sys.stdout.write(json.dumps(found) + "\n")
