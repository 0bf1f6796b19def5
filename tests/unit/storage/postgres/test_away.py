"""A database that goes away and comes back: calls wait for it or are refused; what was acknowledged is there, once."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial

import pytest

from homeport.contract import DatabaseAddress
from homeport.coordination.store import Records
from homeport.errors import UnavailableError
from homeport.storage.postgres import PostgresStore, open_store
from homeport.storage.postgres.locks import WRITING
from tests.support import given
from tests.support.postgres import Cluster
from tests.support.stores import IDENTITY, filled
from tests.support.waiting import eventually

pytestmark = pytest.mark.needs_postgres

Breakable = tuple[Cluster, DatabaseAddress]
Reading = Callable[[Callable[[Records], object]], Awaitable[object]]


@asynccontextmanager
async def opened(address: DatabaseAddress) -> AsyncIterator[PostgresStore]:
    store = await open_store(address, IDENTITY)
    try:
        yield store
    finally:
        await store.close()


def put(records: Records, name: str) -> None:
    records.projects.put(given.project(name))
    records.events.append(given.event(subject=name))


async def ids(store: PostgresStore) -> list[str]:
    return await store.read(lambda records: records.projects.ids())


def looks(store: PostgresStore) -> list[Awaitable[Sequence[str]]]:
    return [store.read(lambda records: records.projects.ids()), store.scan(lambda records: records.projects.ids())]


@pytest.mark.parametrize("end", [Cluster.kill, Cluster.stop])
async def test_callers_wait_for_a_database_that_restarts_and_nothing_is_lost_or_done_twice(
    breakable: Breakable, end: Callable[[Cluster], None]
) -> None:
    cluster, address = breakable
    acknowledged: list[str] = []

    async def write(store: PostgresStore, worker: int) -> None:
        for number in range(40):
            name = f"p{worker}-{number}"
            await store.write(partial(put, name=name))
            acknowledged.append(name)

    async def some() -> bool:
        return len(acknowledged) >= 20

    async with opened(address) as store:
        store.longest_wait = 30
        heard: list[str | None] = []
        store.listen(lambda events: heard.extend(event.subject for event in events))
        workers = [asyncio.create_task(write(store, worker)) for worker in range(4)]
        await eventually(some)
        # In this thread: the cluster ends with the thread that started it.
        end(cluster)
        cluster.start()
        await asyncio.gather(*workers)
        assert len(acknowledged) == 160
        assert sorted(await ids(store)) == sorted(acknowledged)

        async def all_told() -> bool:
            return len(heard) >= 160

        await eventually(all_told)
        assert sorted(map(str, heard)) == sorted(acknowledged)


async def test_while_it_is_gone_calls_are_refused_with_the_reason_and_go_on_by_themselves(breakable: Breakable) -> None:
    cluster, address = breakable
    async with opened(address) as store:
        store.longest_wait = 0.2
        await store.write(partial(put, name="before"))
        await asyncio.to_thread(cluster.stop)
        try:
            for ask in (store.write(partial(put, name="lost")), ids(store), store.probe()):
                with pytest.raises(UnavailableError, match="cannot be reached") as refusal:
                    await ask
                assert "goes on by itself" in str(refusal.value.hint)
        finally:
            cluster.start()
        store.longest_wait = 10
        await store.write(partial(put, name="after"))
        assert await ids(store) == ["after", "before"]


@pytest.mark.slow
async def test_who_reads_is_refused_no_longer_than_who_writes(breakable: Breakable) -> None:
    """A pool that tries after longer and longer pauses lets reads wait as long again as the database was away."""
    cluster, address = breakable
    async with opened(address) as store:
        store.longest_wait = 0.5
        await store.write(partial(put, name="before"))
        # In this thread: the cluster ends with the thread that started it.
        cluster.stop()
        # Each takes its time: after all of them the pool's next pause would be longer than what is waited below.
        for _ in range(16):
            for refusal in await asyncio.gather(*looks(store), return_exceptions=True):
                assert isinstance(refusal, UnavailableError)
        cluster.start()
        store.longest_wait = 4
        await store.write(partial(put, name="after"))
        assert await asyncio.gather(*looks(store)) == [["after", "before"]] * 2


async def test_a_connection_that_is_lost_leaves_nothing_behind(breakable: Breakable) -> None:
    cluster, address = breakable

    async with opened(address) as store:
        for read in (store.read, store.scan):
            made = await read(weakref.ref)
            assert await read(lambda records: records.projects.ids()) == []
            await asyncio.to_thread(cluster.terminate, cluster.database(address))

            async def is_gone(read: Reading = read, made: weakref.ref[Records] = made) -> bool:
                await read(lambda records: records.projects.ids())
                gc.collect()
                return made() is None

            await eventually(is_gone)


async def test_a_connection_that_an_administrator_ends_is_made_anew(breakable: Breakable) -> None:
    cluster, address = breakable
    async with opened(address) as store:
        for number in range(5):
            await asyncio.to_thread(cluster.terminate, cluster.database(address))
            await store.write(partial(put, name=f"p{number}"))
            assert len(await ids(store)) == number + 1


async def test_one_that_hangs_holds_nobody_up_for_ever(breakable: Breakable) -> None:
    cluster, _ = breakable
    address = await asyncio.to_thread(partial(filled, cluster, tcp=True))
    async with opened(address) as store:
        with cluster.frozen():
            waiting = asyncio.create_task(store.write(partial(put, name="p")))
            other = asyncio.create_task(ids(store))
            done, _ = await asyncio.wait([waiting, other], timeout=0.5)
            assert not done
        await waiting
        await other
        assert await ids(store) == ["p"]


async def test_a_transaction_whose_server_is_cut_off_lets_the_others_go_on(breakable: Breakable) -> None:
    cluster, address = breakable

    # As one that vanished in the middle of its turn.
    with cluster.connect(cluster.database(address)) as gone:
        gone.execute("SET idle_in_transaction_session_timeout = '1s'")
        gone.execute("BEGIN")
        gone.execute("SELECT pg_advisory_xact_lock(%s)", [WRITING])
        async with opened(address) as store:
            await store.write(partial(put, name="p"))
            assert await ids(store) == ["p"]
        gone.close()
