"""A commit of which nobody heard: it is looked up, and done once; where nobody can say, the caller is told so."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from functools import partial

import psycopg
import pytest
from psycopg import errors

from homeport.contract import DatabaseAddress
from homeport.coordination.store import Records
from homeport.errors import UnavailableError
from homeport.storage.postgres import PostgresStore, open_store
from homeport.storage.postgres.outcomes import Ending, is_kept
from homeport.storage.postgres.writing import WritingDatabase
from tests.support import given
from tests.support.postgres import Cluster
from tests.support.standby import standby, take_over
from tests.support.stores import IDENTITY, filled
from tests.support.waiting import until

pytestmark = pytest.mark.needs_postgres

Breakable = tuple[Cluster, DatabaseAddress]

_SAYS = b"SPANIC\0VPANIC\0C53100\0Mcould not write to file: No space left on device\0\0"
BROKEN_DOWN = b"E" + struct.pack("!I", len(_SAYS) + 4) + _SAYS
"""The last word of a database whose disk is full, in its protocol."""


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


@pytest.mark.parametrize("cut", ["before", "after", "told"])
async def test_a_commit_of_which_nobody_heard_is_looked_up_and_done_once(breakable: Breakable, cut: str) -> None:
    """The connection is lost with the COMMIT on its way there, its answer on its way back, or after a last word."""
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


async def test_a_commit_that_waits_for_a_standby_that_is_away_is_told_to_be_there_or_not(breakable: Breakable) -> None:
    cluster, _ = breakable
    address = await asyncio.to_thread(partial(filled, cluster, tcp=True))
    async with line_that_breaks_at_a_commit(cluster, "meanwhile") as (port, broken):
        through = DatabaseAddress(address.url.replace(f":{cluster.port}/", f":{port}/"), address.password_file)
        async with opened(through) as store:
            await store.write(partial(put, name="first"))
            store.longest_wait = 0.5
            cluster.set(synchronous_standby_names="nobody")
            try:
                await asyncio.to_thread(until, partial(waits_for_a_standby, cluster, cluster.database(address)))
                broken.clear()
                with pytest.raises(UnavailableError, match="it may be there or not"):
                    await store.write(partial(put, name="p"))
            finally:
                cluster.set(synchronous_standby_names="")
            store.longest_wait = 10
            await store.write(partial(put, name="last"))
            assert await ids(store) == ["first", "last", "p"]


async def test_a_standby_does_not_say_of_a_commit_that_it_was_not_kept_before_it_has_taken_over(
    breakable: Breakable,
) -> None:
    cluster, address = breakable
    name = cluster.database(address)
    with standby(cluster) as other:
        with psycopg.connect(cluster.url(name), autocommit=True) as connection:
            database = WritingDatabase(connection)
            ending = database.begin()
            database.commit(ending, None)
            assert is_kept(connection, ending) is True
        with psycopg.connect(other.url(name), autocommit=True) as connection:
            assert is_kept(connection, ending) is None
            with pytest.raises(errors.ReadOnlySqlTransaction):
                WritingDatabase(connection).begin()
            connection.rollback()
            take_over(other, cluster)
            assert is_kept(connection, ending) is True
            assert is_kept(connection, Ending(ending.transaction)) is False


def waits_for_a_standby(cluster: Cluster, database: str) -> bool:
    """Whether a commit does by now; the setting reaches all of a cluster's processes some time after it was made."""
    connection = cluster.connect(database)
    try:
        connection.pgconn.send_query(b"SELECT pg_logical_emit_message(TRUE, '', '')")
        asked = "SELECT wait_event FROM pg_stat_activity WHERE pid = %s"
        return cluster.execute(asked, values=[connection.info.backend_pid]) == [("SyncRep",)]
    finally:
        connection.close()


@asynccontextmanager
async def line_that_breaks_at_a_commit(cluster: Cluster, cut: str) -> AsyncIterator[tuple[int, asyncio.Event]]:
    """A port that leads to a cluster; each time its event is cleared, the next COMMIT breaks the connection.

    Args:
        cluster: which.
        cut: the COMMIT does not get there ("before"), or its answer does not come back ("after"), nor is waited for
            ("meanwhile"), or is taken for one that says why the cluster broke down ("told").
    """
    broken = asyncio.Event()
    broken.set()

    async def lead(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        to_reader, to_writer = await asyncio.open_connection("127.0.0.1", cluster.port)
        ends = False

        async def forth() -> None:
            nonlocal ends
            while not (ends and cut == "meanwhile") and (data := await reader.read(65536)):
                if b"; COMMIT" in data and not broken.is_set():
                    ends = True
                    broken.set()
                    if cut == "before":
                        break
                to_writer.write(data)
            to_writer.close()

        async def back() -> None:
            while (data := await to_reader.read(65536)) and not ends:
                writer.write(data)
            if data and cut == "told":
                writer.write(BROKEN_DOWN)
            writer.close()

        with suppress(ConnectionError):
            await asyncio.gather(forth(), back())

    server = await asyncio.start_server(lead, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], broken
