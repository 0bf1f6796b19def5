"""What a server does without being asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import anyio
import anyio.lowlevel
import pytest

from homeport.coordination.store import Records
from homeport.coordination.values import ACTIVE_WINDOW
from homeport.errors import UnavailableError
from homeport.server import upkeep
from homeport.server.upkeep import Upkeep
from homeport.storage.memory import MemoryStore
from homeport.transports.log import Log
from tests.support.desk import START, opened

T = TypeVar("T")


class Counting(MemoryStore):
    """A memory store that counts its writes, and refuses reads where it is told to."""

    writes = 0
    refuses = False

    async def write(self, work: Callable[[Records], T]) -> T:
        self.writes += 1
        return await super().write(work)

    async def read(self, work: Callable[[Records], T]) -> T:
        if self.refuses:
            raise UnavailableError("The disk is gone.")
        return await super().read(work)


async def test_a_task_whose_holder_is_gone_returns_to_everybody() -> None:
    store = Counting()
    async with opened(store) as desk:
        await desk.join("ada")
        await desk.call("create_task", id="t", title="T", description="")
        await desk.call("claim_task", id="t", instanceId="ada")
        rounds = Upkeep(store, lambda: desk.now, Log("test", write=lambda _: None))
        await rounds.once()
        assert (await desk.call("get_task", id="t"))["task"]["status"] == "claimed"
        desk.now += ACTIVE_WINDOW
        await rounds.once()
        assert (await desk.call("get_task", id="t"))["task"]["status"] == "pending"


async def test_a_round_with_nothing_to_do_writes_nothing_but_once_a_day() -> None:
    store = Counting()
    now = START
    rounds = Upkeep(store, lambda: now, Log("test", write=lambda _: None))
    for _ in range(5):
        await rounds.once()
    assert store.writes == 1
    now += upkeep.DAY
    await rounds.once()
    assert store.writes == 2


async def test_a_round_that_fails_is_logged_and_the_next_one_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "LEASES_SECONDS", 0)
    store = Counting()
    store.refuses = True
    lines: list[str] = []
    async with anyio.create_task_group() as group:
        group.start_soon(Upkeep(store, lambda: START, Log("test", write=lines.append)).run)
        while len(lines) < 2:
            await anyio.lowlevel.checkpoint()
        group.cancel_scope.cancel()
    assert "The disk is gone." in lines[0]
