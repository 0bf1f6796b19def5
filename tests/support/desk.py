"""A desk: operations called by name, in process, with a clock that the test moves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

from homeport.coordination.store import Store
from homeport.coordination.values import JsonObject, Millis
from homeport.operations.catalogue import CATALOGUE
from homeport.operations.dispatcher import Dispatcher
from homeport.operations.operation import Place

MINUTE: Millis = 60_000
START: Millis = 1_764_892_800_000
"""2025-12-05T00:00:00Z."""


class CountedIds:
    """Ids that say their order: ``msg-1``, ``msg-2``, …"""

    def __init__(self) -> None:
        self._numbers = count(1)

    def begin(self, number: int) -> None:
        """Counts on from a number."""
        self._numbers = count(number)

    def new(self, prefix: str, now: Millis) -> str:
        """The next id."""
        del now
        return f"{prefix}-{next(self._numbers)}"


@dataclass
class Desk:
    """A dispatcher with the time in the test's hand."""

    store: Store
    dispatcher: Dispatcher
    now: Millis = START

    async def call(self, name: str, /, **arguments: Any) -> JsonObject:
        """Calls an operation. ``from_`` stands for ``from``, which Python keeps for itself."""
        if "from_" in arguments:
            arguments["from"] = arguments.pop("from_")
        return await self.dispatcher.call(name, arguments)

    async def join(self, *instances: str, role: str = "developer") -> None:
        """Registers instances."""
        for instance in instances:
            await self.call("register_instance", instanceId=instance, role=role)

    async def inbox(self, instance: str, **arguments: Any) -> list[JsonObject]:
        """The messages of an inbox, newest first."""
        answer = await self.call("get_messages", instanceId=instance, **arguments)
        messages: list[JsonObject] = answer["messages"]
        return messages

    def later(self, minutes: float) -> None:
        """Lets time pass."""
        self.now += round(minutes * MINUTE)


@asynccontextmanager
async def opened(store: Store) -> AsyncIterator[Desk]:
    """A desk on a store, which is closed in the end."""
    place = Place("development", "0.0.0", "/data", START)
    desk: Desk

    def clock() -> Millis:
        return desk.now

    dispatcher = Dispatcher(CATALOGUE, store, place, clock, CountedIds())
    desk = Desk(store, dispatcher)
    try:
        yield desk
    finally:
        dispatcher.close()
        await store.close()
