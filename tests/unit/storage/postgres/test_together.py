"""Several servers on one database: nothing is lost, done twice, or told twice or out of order."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from homeport.coordination.events import Event, EventFilter
from homeport.coordination.store import Records
from homeport.storage.postgres import PostgresStore
from tests.support import given
from tests.support.waiting import eventually

pytestmark = pytest.mark.needs_postgres


def count(records: Records) -> int:
    known = records.instances.get("counter")
    sessions = 1 if known is None else known.sessions + 1
    records.instances.put(given.instance("counter", sessions=sessions))
    records.events.append(given.event(subject=str(sessions)))
    return sessions


async def test_what_all_change_at_once_is_changed_by_one_after_the_other(three: list[PostgresStore]) -> None:
    counts = await asyncio.gather(*(three[number % 3].write(count) for number in range(90)))
    assert sorted(counts) == list(range(1, 91))


async def test_every_server_is_told_of_everything_once_and_in_order(three: list[PostgresStore]) -> None:
    heard: list[list[Event]] = [[], [], []]
    for store, ears in zip(three, heard, strict=True):
        store.listen(ears.extend)
    await asyncio.gather(*(three[number % 3].write(count) for number in range(60)))
    stored = await three[0].read(lambda records: records.events.select(EventFilter(), 0, 1000))
    assert len(stored) == 60
    assert [int(event.subject or 0) for event in stored] == list(range(1, 61)), "numbers grow as they become visible"

    async def all_heard() -> bool:
        return all(len(ears) >= 60 for ears in heard)

    await eventually(all_heard)
    assert heard == [list(stored)] * 3


async def test_what_one_server_acknowledged_every_other_one_reads_at_once(three: list[PostgresStore]) -> None:
    for number in range(30):
        await three[number % 3].write(lambda records, number=number: records.projects.put(given.project(f"p{number}")))  # type: ignore[misc]
        found = await three[(number + 1) % 3].read(lambda records: records.projects.ids())
        assert f"p{number}" in found


async def test_one_task_has_one_holder_whoever_asks(three: list[PostgresStore]) -> None:
    def take(records: Records, name: str) -> str | None:
        task = records.tasks.next_claimable(name, "dev", None)
        if task is None:
            return None
        records.tasks.update(given.held(task.id, by=name))
        return task.id

    def add(records: Records) -> None:
        for number in range(20):
            records.tasks.add(given.task(f"t{number}"))

    await three[0].write(add)
    taken = await asyncio.gather(*(three[n % 3].write(partial(take, name=f"agent{n}")) for n in range(30)))
    assert sorted(name for name in taken if name) == sorted(f"t{number}" for number in range(20))
