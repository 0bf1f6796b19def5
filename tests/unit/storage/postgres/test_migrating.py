"""While a database is migrated, servers on it wait for that however long it takes, say so, and lose nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from functools import partial

import psycopg
import pytest
from sqlalchemy import text

from homeport.contract import DatabaseAddress
from homeport.coordination.store import Records
from homeport.errors import UnavailableError
from homeport.storage.postgres import PostgresStore, open_store
from homeport.storage.postgres.locks import WRITING
from homeport.storage.postgres.migrating import engine, is_migrating
from homeport.storage.sql.database import Row
from tests.support import given
from tests.support.postgres import Cluster
from tests.support.stores import IDENTITY
from tests.support.waiting import eventually, until

pytestmark = pytest.mark.needs_postgres

PATIENCE = 1.0
"""Seconds; many times what is waited for a lock before it is asked whether somebody migrates."""
MIGRATED = "is being migrated: what is to be written waits until that has ended"
IMPATIENT = "SET lock_timeout = '50ms'"


def impatient(connect: Callable[[], psycopg.Connection[Row]]) -> psycopg.Connection[Row]:
    """A connection on which a lock is waited for no longer than that."""
    connection = connect()
    connection.execute(IMPATIENT)
    return connection


def put(records: Records, name: str) -> None:
    records.projects.put(given.project(name))


async def ids(store: PostgresStore) -> list[str]:
    return await store.read(lambda records: records.projects.ids())


@pytest.fixture
async def stores(address: DatabaseAddress) -> AsyncIterator[list[PostgresStore]]:
    """Two, as of two servers, whose writers have little patience with anything but a migration."""
    made = [await open_store(address, IDENTITY) for _ in range(2)]
    for store in made:
        store.longest_wait = PATIENCE
        store._writer._connect = partial(impatient, store._writer._connect)
    yield made
    await asyncio.gather(*(store.close() for store in made))


async def test_what_is_written_at_any_server_waits_until_a_migration_has_ended_and_health_says_so(
    address: DatabaseAddress, stores: list[PostgresStore]
) -> None:
    with engine(address).begin():
        assert is_migrating(address)
        waiting = [asyncio.create_task(store.write(partial(put, name=f"p{n}"))) for n, store in enumerate(stores)]

        began = time.monotonic()

        async def patience_is_over() -> bool:
            return time.monotonic() - began > PATIENCE and all(store._writer.fault for store in stores)

        await eventually(patience_is_over)
        assert not any(one.done() for one in waiting)
        assert all(MIGRATED in str(store._writer.fault) for store in stores)
        assert await ids(stores[0]) == []
    await asyncio.gather(*waiting)
    assert not is_migrating(address)
    assert await ids(stores[0]) == ["p0", "p1"]
    for store in stores:
        await store.probe()


async def test_a_probe_tells_of_a_migration_also_before_a_writer_has_lost_its_patience(
    address: DatabaseAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("homeport.storage.postgres.store.PROBE_SECONDS", 0.05)
    store = await open_store(address, IDENTITY)
    with engine(address).begin():
        with pytest.raises(UnavailableError, match="is being migrated"):
            await store.probe()
        assert store._writer.fault is None
    await store.close()


async def test_who_is_held_up_by_anything_else_than_a_migration_is_told_so(
    postgres: Cluster, address: DatabaseAddress, stores: list[PostgresStore]
) -> None:
    with postgres.connect(postgres.database(address)) as other, other.transaction():
        other.execute("SELECT pg_advisory_xact_lock(%s)", [WRITING])
        with pytest.raises(UnavailableError, match="in use: a lock was not free in time"):
            await stores[0].write(partial(put, name="p"))
    await stores[0].write(partial(put, name="q"))
    assert await ids(stores[0]) == ["q"]


async def test_what_is_read_from_a_table_that_changes_waits_and_the_rest_is_answered(
    postgres: Cluster, address: DatabaseAddress, stores: list[PostgresStore]
) -> None:
    lane = stores[0]._readers._reads
    with lane._pool.connection() as connection:
        connection.execute(IMPATIENT)
    with engine(address).begin() as migration:
        migration.execute(text("ALTER TABLE projects ADD COLUMN colour TEXT"))
        assert await stores[0].read(lambda records: records.instances.get("ada")) is None
        reading = asyncio.create_task(ids(stores[0]))
        blocked = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation IS NOT NULL"
        await asyncio.to_thread(until, lambda: postgres.execute(blocked)[0][0] > 0)
        await asyncio.wait([reading], timeout=PATIENCE + 0.1)
        assert not reading.done()
    assert await reading == []


async def test_a_server_that_starts_meanwhile_says_what_it_waits_for(
    address: DatabaseAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    from homeport.storage.postgres import opening
    from homeport.storage.postgres.connection import Limits

    # Where both end at a time, it is said that the statement took too long.
    assert opening._LIMITS.lock < opening._LIMITS.statement
    monkeypatch.setattr(opening, "_LIMITS", Limits(statement=60, lock=1))
    with engine(address).begin() as migration:
        migration.execute(text("ALTER TABLE probe ADD COLUMN colour TEXT"))
        with pytest.raises(UnavailableError, match="is being migrated"):
            await open_store(address, IDENTITY)
    await (await open_store(address, IDENTITY)).close()
