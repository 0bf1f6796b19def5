"""Agents that wait for their messages with a cursor, while the server is killed and comes again."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.load import Caller
from tests.support.ports import free_ports
from tests.support.process import ServerProcess, server_process
from tests.support.waiting import eventually

SENDERS = 4
MESSAGES = 40
"""Of a round."""


@dataclass
class Waiter:
    """An agent that waits, and waits again from the cursor that it was given last.

    Attributes:
        name: of its instance.
        told: the subjects of its messages, as they came.
        cursor: the argument of the next wait; empty before the first.
    """

    name: str
    told: list[str] = field(default_factory=list)
    cursor: dict[str, str] = field(default_factory=dict)

    async def wait(self, caller: Caller) -> None:
        """Waits once.

        Raises:
            OSError: no answer came; the next wait has the same cursor.
        """
        seconds = 100 if self.cursor else 0
        given: dict[str, Any] = {"instanceId": self.name, "timeout_seconds": seconds, **self.cursor}
        answer = await caller.call("wait_for_messages", **given)
        self.told += [message["subject"] for message in answer["messages"]]
        self.cursor = {"cursor": answer["cursor"]}


class Watch:
    """Agents that wait at one address, and whoever sends to them and kills the server.

    Args:
        data: the server's directory.
        count: of agents.
        chance: who is sent what, and when the server is killed.
    """

    def __init__(self, data: Path, count: int, chance: random.Random) -> None:
        self._data = data
        self._chance = chance
        (self._port,) = free_ports(1)
        self._up = asyncio.Event()
        self._keys = 0
        self._expected: dict[str, Counter[str]] = {}
        self.waiters = [Waiter(f"agent-{number}") for number in range(count)]

    async def run(self, kills: int) -> None:
        """So many rounds that each end with a kill, and a last one that does not; fails unless all are told once."""
        waiting: list[asyncio.Task[None]] = []
        try:
            unsent: list[dict[str, Any]] = []
            for number in range(kills + 1):
                async with self._server() as server:
                    if not waiting:
                        await self._register()
                        waiting = [asyncio.create_task(self._waits(one)) for one in self.waiters]
                    await eventually(self._all_wait, within=60)
                    unsent += self._drafts()
                    limit = self._chance.randint(1, MESSAGES) if number < kills else None
                    await self._send(server, unsent, limit)
                    if limit is None:
                        await eventually(self._all_told, within=60)
                        await self._nothing_more()
                        break
                assert not any(task.done() for task in waiting)
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
        for one in self.waiters:
            assert Counter(one.told) == self._expected[one.name], one.name

    @asynccontextmanager
    async def _server(self) -> AsyncIterator[ServerProcess]:
        """A server at the address; killed in the end. It starts in a thread, so that the agents go on meanwhile."""
        with ExitStack() as stack:
            server = await asyncio.to_thread(stack.enter_context, server_process(self._data, port=self._port))
            self._up.set()
            yield server
            self._up.clear()
            server.kill()

    async def _register(self) -> None:
        async with Caller(self._port) as caller:
            for one in self.waiters:
                await caller.call("register_instance", instanceId=one.name, role="dev")
                self._expected[one.name] = Counter()

    async def _waits(self, one: Waiter) -> None:
        while True:
            await self._up.wait()
            try:
                async with Caller(self._port) as caller:
                    while True:
                        await one.wait(caller)
            except OSError:
                continue

    async def _all_wait(self) -> bool:
        """Whether each has a position, so that what is sent from now on is for it to be told."""
        return all(one.cursor for one in self.waiters)

    async def _all_told(self) -> bool:
        return all(len(one.told) >= self._expected[one.name].total() for one in self.waiters)

    async def _nothing_more(self) -> None:
        """Whoever has all is told nothing more from where it is."""
        async with Caller(self._port) as caller:
            for one in self.waiters:
                given: dict[str, Any] = {"instanceId": one.name, "timeout_seconds": 0, **one.cursor}
                assert (await caller.call("wait_for_messages", **given))["messages"] == []

    def _drafts(self) -> list[dict[str, Any]]:
        """Messages to one, to some and to all, each with a key under which it can be sent again."""
        drafts = []
        for _ in range(MESSAGES):
            self._keys += 1
            key = f"message-{self._keys}"
            some = self._chance.sample(self.waiters, self._chance.choice((1, 1, 5)))
            to_all = self._chance.random() < 0.3
            for one in self.waiters if to_all else some:
                self._expected[one.name][key] += 1
            to = "role:dev" if to_all else ",".join(one.name for one in some)
            drafts.append({"to": to, "from_": "bosun", "subject": key, "content": "!", "idempotency_key": key})
        return drafts

    async def _send(self, server: ServerProcess, unsent: list[dict[str, Any]], limit: int | None) -> None:
        """Sends all, or until the server is killed after so many answers; what was not answered stays."""
        answers = 0

        async def sender() -> None:
            nonlocal answers
            async with Caller(self._port) as caller:
                while unsent:
                    draft = unsent.pop(0)
                    try:
                        await caller.call("send_message", **draft)
                    except OSError:
                        unsent.append(draft)
                        return
                    answers += 1
                    if answers == limit:
                        self._up.clear()
                        server.kill()

        await asyncio.gather(*(sender() for _ in range(SENDERS)))
