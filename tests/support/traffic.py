"""Agents that call all the time while what serves them is exchanged."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Final

from tests.support.load import Caller
from tests.support.waiting import eventually

CLIENTS: Final = 8


class Traffic:
    """Agents that send to one who waits, each counting what was acknowledged. None of them may be refused.

    Args:
        ports: of servers of one environment: the agents call one each, and the one who waits calls the last.
        clients: how many send.
        in_turn: whether each sends again only when the one who waits was told, and so leaves the processor to others.
    """

    def __init__(self, ports: Sequence[int], clients: int = CLIENTS, *, in_turn: bool = False) -> None:
        self.ports = ports
        self.in_turn = in_turn
        self.sent: Counter[str] = Counter()
        self.received: Counter[str] = Counter()
        self._ending = asyncio.Event()
        self._sent_all = asyncio.Event()
        self.senders = [asyncio.create_task(self._send(number)) for number in range(clients)]
        self.reader = asyncio.create_task(self._read())

    async def goes_on(self, further: int = 50) -> None:
        """Returns when so many more were sent."""
        least = self.sent.total() + further

        async def more() -> bool:
            assert not [task for task in (*self.senders, self.reader) if task.done()], "a request failed"
            return self.sent.total() > least

        await eventually(more, within=30)

    async def end(self) -> None:
        """Returns when all that was sent was read."""
        self._ending.set()
        await asyncio.wait_for(asyncio.gather(*self.senders), 50)
        self._sent_all.set()
        await asyncio.wait_for(self.reader, 50)

    async def _send(self, number: int) -> None:
        async with Caller(self.ports[number % len(self.ports)]) as caller:
            while not self._ending.is_set():
                key = f"{number}-{self.sent.total()}"
                message = {"to": "bob", "subject": key, "content": "x", "idempotency_key": key}
                await caller.call("send_message", from_=f"agent-{number}", **message)
                self.sent[key] += 1
                if self.in_turn:
                    await eventually(partial(self._was_told, key), within=60)

    async def _was_told(self, key: str) -> bool:
        return key in self.received

    async def _read(self) -> None:
        cursor: dict[str, str] = {}
        async with Caller(self.ports[-1]) as caller:
            while not (self._sent_all.is_set() and self.received.total() >= self.sent.total()):
                answer = await caller.call("wait_for_messages", instanceId="bob", timeout_seconds=2, **cursor)
                cursor = {"cursor": answer["cursor"]}
                self.received.update(one["subject"] for one in answer["messages"])
