"""How the dispatcher has work done, and what it remembers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import TypeVar

import pytest

from homeport.coordination.store import Records
from homeport.operations import dispatcher
from homeport.storage.memory import MemoryStore
from tests.support.desk import Desk, opened

T = TypeVar("T")


class Watched(MemoryStore):
    """A store that says in which way it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    async def read(self, work: Callable[[Records], T]) -> T:
        self.asked.append("read")
        return await super().read(work)

    async def scan(self, work: Callable[[Records], T]) -> T:
        self.asked.append("scan")
        return await super().read(work)


@pytest.fixture
async def store() -> Watched:
    return Watched()


@pytest.fixture
async def desk(store: Watched) -> AsyncIterator[Desk]:
    async with opened(store) as one:
        await one.join("ada", "bob")
        store.asked.clear()
        yield one


async def test_counting_everybodys_messages_holds_up_nobody(desk: Desk, store: Watched) -> None:
    await desk.call("get_messages")
    assert store.asked == ["scan"]


async def test_an_inbox_is_read_at_once(desk: Desk, store: Watched) -> None:
    await desk.call("get_messages", instanceId="ada")
    assert store.asked[0] == "read"
    assert "scan" not in store.asked


async def test_so_many_sightings_are_remembered_and_no_more(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatcher, "MOST_SIGHTINGS", 5)
    names = [f"agent-{number}" for number in range(20)]
    await desk.join(*names)
    for name in names:
        await desk.call("get_messages", instanceId=name)
        assert len(desk.dispatcher._touched) <= 5
