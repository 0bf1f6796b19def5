"""What a server is put through by those who want to bring it down, and those who work with it meanwhile."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Final

import httpx2
import psutil
import pytest

from tests.support.process import ServerProcess
from tests.support.waiting import eventually

_BEGINNINGS: Final = (b"", b"P", b"POST /mcp HTTP/1.1\r\nhost: ", b"POST /mcp HTTP/1.1\r\ncontent-length: 9\r\n")


@asynccontextmanager
async def others_are_answered(server: ServerProcess) -> AsyncIterator[None]:
    """Somebody else works with the server for as long as the block lasts, and is answered soon each time."""
    served = 0
    over = asyncio.Event()

    async def works() -> None:
        nonlocal served
        async with httpx2.AsyncClient(timeout=30) as client:
            while not over.is_set() or not served:
                body = {"to": "ada", "from": "x", "subject": "S", "content": "C"}
                answer = await client.post(f"{server.url}/api/v1/messages", json=body)
                assert answer.status_code == 200
                served += 1

    other = asyncio.create_task(works())
    try:
        yield
    finally:
        over.set()
        await other
    assert served


@contextmanager
def descriptors(count: int) -> Iterator[None]:
    """Allows this process so many open files, or skips the test."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count:
        pytest.skip(f"this machine allows {hard} open files; {count} are needed")
    if soft != resource.RLIM_INFINITY:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


_AT_ONCE: Final = 100


@asynccontextmanager
async def slow_connections(server: ServerProcess, count: int) -> AsyncIterator[None]:
    """So many connections whose requests never become whole, held by the server; others are answered as they come."""
    process = psutil.Process(server.process.pid)
    held: list[asyncio.StreamWriter] = []

    async def all_are_in() -> bool:
        return process.num_fds() > count

    try:
        async with others_are_answered(server):
            # Many at a time: all must be there before the server lets the first go.
            for first in range(0, count, _AT_ONCE):
                opening = (
                    asyncio.open_connection("127.0.0.1", server.port)
                    for _ in range(first, min(count, first + _AT_ONCE))
                )
                for number, (_, writer) in enumerate(await asyncio.gather(*opening), first):
                    writer.write(_BEGINNINGS[number % len(_BEGINNINGS)])
                    held.append(writer)
            await eventually(all_are_in)
        for writer in held:
            writer.write(b"a")
        yield
    finally:
        for writer in held:
            with suppress(OSError):
                writer.close()
