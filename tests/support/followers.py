"""Readers of the event feed who come again with ``Last-Event-ID``, while the server is stopped and killed."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx2

from tests.support.load import Caller
from tests.support.ports import free_ports
from tests.support.process import ServerProcess, server_process
from tests.support.waiting import eventually

SENDERS: Final = 4
MOST_CALLS: Final = 60
"""Of a round: the server ends after some number of answers up to this one."""


@dataclass
class Follower:
    """A reader of the feed.

    Attributes:
        told: positions and contents of the events it has had, as they came.
        last: for ``Last-Event-ID``; empty before the first event.
    """

    told: list[tuple[str, str]] = field(default_factory=list)
    last: str = "0"

    async def follow(self, url: str) -> None:
        """Reads until the stream ends, whole events alone."""
        headers = {"Last-Event-ID": self.last}
        frame: dict[str, str] = {}
        async with (
            httpx2.AsyncClient(timeout=30) as client,
            client.stream("GET", f"{url}/api/v1/events", headers=headers) as response,
        ):
            assert response.status_code == 200
            async for line in response.aiter_lines():
                if line:
                    name, _, value = line.partition(": ")
                    frame[name] = value
                    continue
                self.last = frame.get("id", self.last)
                if "data" in frame:
                    self.told.append((frame["id"], frame["data"]))
                frame = {}


class Audience:
    """Followers at one address, and clients that make things happen there until the server ends.

    Args:
        data: the server's directory.
        count: of followers.
        chance: when the server ends, and how.
    """

    def __init__(self, data: Path, count: int, chance: random.Random) -> None:
        self._data = data
        self._chance = chance
        (self._port,) = free_ports(1)
        self._acknowledged: list[str] = []
        self._step = 0
        self.followers = [Follower() for _ in range(count)]

    async def run(self, rounds: int) -> None:
        """So many ends of the server, by kill and in order; fails unless each is told of everything once."""
        for number in range(rounds):
            async with self._server() as server:
                # Every third stays away for a while, and has more to catch up.
                here = [one for index, one in enumerate(self.followers) if (index + number) % 3]
                following = [asyncio.create_task(_until_it_ends(one, server.url)) for one in here]
                await self._load(server, in_order=bool(number % 2))
                await asyncio.gather(*following)
        async with self._server() as server:
            following = [asyncio.create_task(_until_it_ends(one, server.url)) for one in self.followers]
            everything = await self._everything(server)
            last = everything[-1][0]

            async def all_have_it() -> bool:
                return all(one.last == last for one in self.followers)

            await eventually(all_have_it, within=30)
            server.kill()
            await asyncio.gather(*following)
        for one in self.followers:
            assert one.told == everything

    @asynccontextmanager
    async def _server(self) -> AsyncIterator[ServerProcess]:
        with server_process(self._data, port=self._port) as server:
            yield server

    async def _load(self, server: ServerProcess, *, in_order: bool) -> None:
        """Creates tasks and sends messages until it has ended the server."""
        limit = self._chance.randint(1, MOST_CALLS)
        answers = 0

        async def client() -> None:
            nonlocal answers
            try:
                async with Caller(self._port) as caller:
                    while True:
                        self._step += 1
                        name = f"task-{self._step}"
                        await caller.call("create_task", id=name, title=name, description="")
                        self._acknowledged.append(name)
                        answers += 1
                        if answers == limit:
                            server.process.terminate() if in_order else server.kill()
            except OSError:
                return

        await asyncio.gather(*(client() for _ in range(SENDERS)))
        await asyncio.to_thread(server.process.wait, 40)

    async def _everything(self, server: ServerProcess) -> list[tuple[str, str]]:
        """What one who comes now is told from the beginning; with it, what was acknowledged is compared."""
        one = Follower()
        following = asyncio.create_task(one.follow(server.url))
        async with Caller(self._port) as caller:
            await caller.call("create_task", id="the-last", title="Last", description="")

        def subjects() -> list[Any]:
            return [json.loads(data)["subject"] for _, data in one.told]

        async def is_there() -> bool:
            return "the-last" in subjects()

        await eventually(is_there)
        following.cancel()
        await asyncio.wait([following])
        found = subjects()
        assert len(found) == len(set(found))
        assert set(self._acknowledged) <= set(found)
        return list(one.told)


async def _until_it_ends(one: Follower, url: str) -> None:
    try:
        await one.follow(url)
    except httpx2.TransportError:
        return
