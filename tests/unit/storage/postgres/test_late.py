"""A database that hangs: who waits for an answer gives the line up, and does not ask the database for anything else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial

import pytest

from homeport.contract import DatabaseAddress
from homeport.errors import UnavailableError
from homeport.storage.postgres import take_turns, turn, wire
from homeport.storage.postgres.wire import TABLE, Wire
from tests.support.postgres import Cluster
from tests.support.stores import filled
from tests.support.waiting import eventually, until

pytestmark = pytest.mark.needs_postgres

Breakable = tuple[Cluster, DatabaseAddress]


@asynccontextmanager
async def through(cluster: Cluster, events: list[str]) -> AsyncIterator[DatabaseAddress]:
    """A database behind a port at which it is noted who calls and who hangs up."""

    async def lead(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        events.append("called")
        to_reader, to_writer = await asyncio.open_connection("127.0.0.1", cluster.port)

        async def forth() -> None:
            while data := await reader.read(65536):
                to_writer.write(data)
            events.append("hung up")
            to_writer.close()

        async def back() -> None:
            while data := await to_reader.read(65536):
                writer.write(data)
            writer.close()

        with suppress(ConnectionError):
            await asyncio.gather(forth(), back())

    address = await asyncio.to_thread(partial(filled, cluster, tcp=True))
    server = await asyncio.start_server(lead, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield DatabaseAddress(address.url.replace(f":{cluster.port}/", f":{port}/"), address.password_file)


async def is_noted(event: str, events: list[str]) -> None:
    async def found() -> bool:
        return event in events

    await eventually(found)


async def test_errands_end_before_the_lock_is_given_up_and_not_after_the_database_was_asked_to_stop(
    breakable: Breakable, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, _ = breakable
    events: list[str] = []
    doing = asyncio.Event()

    @asynccontextmanager
    async def errands() -> AsyncIterator[None]:
        doing.set()
        try:
            yield
        finally:
            # What ends takes a moment, in which the line must not be given up.
            await asyncio.to_thread(events.append, "ended")

    async with through(cluster, events) as address:
        turns = asyncio.create_task(take_turns(address, errands))
        try:
            async with asyncio.timeout(20):
                await doing.wait()
            monkeypatch.setattr(turn, "ANSWER_SECONDS", 1)
            with cluster.frozen():
                await is_noted("hung up", events)
            assert events[:3] == ["called", "ended", "hung up"]
        finally:
            turns.cancel()
            await asyncio.wait([turns])


async def test_who_tells_the_others_something_gives_the_line_up_and_takes_another(
    breakable: Breakable, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, _ = breakable
    events: list[str] = []
    async with through(cluster, events) as address:
        end = Wire(address)
        await end.tell("one")
        with cluster.frozen(), monkeypatch.context() as hurry:
            hurry.setattr(wire, "TELL_SECONDS", 0.5)
            with pytest.raises(UnavailableError, match="in time"):
                await end.tell("two")
            await is_noted("hung up", events)
        assert events == ["called", "hung up"]
        await end.tell("three")
        assert events == ["called", "hung up", "called"]
        await end.close()


async def test_who_is_cancelled_while_he_tells_it_once_more_gives_that_line_up_too(
    postgres: Cluster, address: DatabaseAddress
) -> None:
    database = postgres.database(address)
    end = Wire(address)
    await end.tell("one")
    await asyncio.to_thread(postgres.terminate, database)
    with postgres.connect(database) as holding:
        holding.execute(f"BEGIN; LOCK TABLE {TABLE}")
        telling = asyncio.create_task(end.tell("two"))
        waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND wait_event_type = 'Lock'"
        waiting = partial(postgres.execute, waits, values=[database])
        await asyncio.to_thread(until, lambda: waiting() == [(1,)])
        telling.cancel()
        await asyncio.wait([telling])
        assert telling.cancelled()
    await asyncio.to_thread(until, lambda: postgres.connections(database) == 0)
    await end.close()
