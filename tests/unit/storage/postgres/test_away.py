"""A database that goes away and comes back: calls wait for it or are refused; what was acknowledged is there, once."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from functools import partial

import pytest

from homeport.contract import DatabaseAddress
from homeport.coordination.store import Records
from homeport.errors import UnavailableError
from homeport.storage.postgres import PostgresStore, open_store
from homeport.storage.postgres.locks import WRITING
from homeport.storage.postgres.outcomes import Ending
from homeport.storage.postgres.writing import WritingDatabase
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


@pytest.mark.parametrize("cut", ["before", "after"])
async def test_a_commit_of_which_nobody_heard_is_looked_up_and_done_once(breakable: Breakable, cut: str) -> None:
    """The connection is lost with the COMMIT on its way there, or with the answer on its way back."""
    cluster, _ = breakable
    address = await asyncio.to_thread(partial(filled, cluster, tcp=True))
    async with line_that_breaks_at_a_commit(cluster, cut) as (port, broken):
        through = DatabaseAddress(address.url.replace(f":{cluster.port}/", f":{port}/"), address.password_file)
        async with opened(through) as store:
            await store.write(partial(put, name="first"))
            broken.clear()
            await store.write(partial(put, name="p"))
            assert broken.is_set()
            assert await ids(store) == ["first", "p"]
            assert await store.read(lambda records: records.events.last()) == 2


@pytest.mark.parametrize("number", ["of another that was kept", "not given any more"])
async def test_the_number_of_a_commit_is_not_believed_after_a_crash_that_forgot_it(
    breakable: Breakable, monkeypatch: pytest.MonkeyPatch, number: str
) -> None:
    """Which a killed database does with what was not on its disk yet: the next transaction may get the number."""
    cluster, _ = breakable
    address = await asyncio.to_thread(partial(filled, cluster, tcp=True))
    begin = WritingDatabase.begin

    def forgotten(database: WritingDatabase) -> Ending:
        ending = begin(database)
        [(kept,)] = cluster.execute("SELECT CAST(pg_current_xact_id() AS TEXT)")
        return replace(ending, transaction=kept if number.startswith("of another") else f"9{ending.transaction}")

    async with line_that_breaks_at_a_commit(cluster, "before") as (port, broken):
        through = DatabaseAddress(address.url.replace(f":{cluster.port}/", f":{port}/"), address.password_file)
        async with opened(through) as store:
            await store.write(partial(put, name="first"))
            monkeypatch.setattr(WritingDatabase, "begin", forgotten)
            broken.clear()
            await store.write(partial(put, name="p"))
            assert broken.is_set()
            assert await ids(store) == ["first", "p"]
            assert await store.read(lambda records: records.events.last()) == 2


async def test_of_what_says_that_commits_were_kept_a_server_leaves_one_row(breakable: Breakable) -> None:
    cluster, address = breakable
    cluster.execute("DELETE FROM homeport_commits", cluster.database(address))
    async with opened(address) as store:
        for number in range(5):
            await store.write(partial(put, name=f"p{number}"))
    assert cluster.execute("SELECT count(*) FROM homeport_commits", cluster.database(address)) == [(1,)]
    cluster.execute("UPDATE homeport_commits SET at = at - INTERVAL '2 days'", cluster.database(address))
    async with opened(address):
        pass
    assert cluster.execute("SELECT count(*) FROM homeport_commits", cluster.database(address)) == [(0,)]


@asynccontextmanager
async def line_that_breaks_at_a_commit(cluster: Cluster, cut: str) -> AsyncIterator[tuple[int, asyncio.Event]]:
    """A port that leads to a cluster; each time its event is cleared, the next COMMIT breaks the connection."""
    broken = asyncio.Event()
    broken.set()

    async def lead(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        to_reader, to_writer = await asyncio.open_connection("127.0.0.1", cluster.port)
        ends = False

        async def forth() -> None:
            nonlocal ends
            while data := await reader.read(65536):
                if b"COMMIT" in data and not broken.is_set():
                    ends = True
                    broken.set()
                    if cut == "before":
                        break
                to_writer.write(data)
            to_writer.close()

        async def back() -> None:
            while data := await to_reader.read(65536):
                if ends:
                    break
                writer.write(data)
            writer.close()

        with suppress(ConnectionError):
            await asyncio.gather(forth(), back())

    server = await asyncio.start_server(lead, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], broken
