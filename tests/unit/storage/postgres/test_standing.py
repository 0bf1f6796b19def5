"""A database that changes under its servers: of a schema that they can live with or not, or another in its place."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial

import psycopg
import pytest

from homeport.contract import DatabaseAddress
from homeport.contract.servers import ServerName, home_of, lives_with
from homeport.coordination.store import Records
from homeport.errors import UnavailableError
from homeport.storage.migrations.revisions import HEAD
from homeport.storage.postgres import open_store, take_turns
from homeport.storage.postgres.locks import ERRANDS
from tests.support.given import project
from tests.support.postgres import Cluster
from tests.support.stores import IDENTITY, fill
from tests.support.waiting import eventually, until

LATER = f"{int(HEAD) + 1:04}"


@pytest.fixture
def address(postgres: Cluster) -> Iterator[DatabaseAddress]:
    made = postgres.create(template=postgres.template("filled", fill))
    yield made
    postgres.drop(made)


def migrated(cluster: Cluster, address: DatabaseAddress, revision: str, usable_from: int) -> None:
    """As another machine's deploy does it: in one transaction, and nobody else writes."""
    with cluster.connect(cluster.database(address)) as connection, connection.transaction():
        connection.execute("UPDATE alembic_version SET version_num = %s", (revision,))
        connection.execute("UPDATE homeport_identity SET usable_from = %s", (usable_from,))


def write(name: str, records: Records) -> None:
    records.projects.put(project(name))


def names(records: Records) -> set[str]:
    return set(records.projects.ids())


@pytest.mark.needs_postgres
async def test_a_server_goes_on_with_a_schema_that_it_can_live_with_and_says_which_it_is(
    postgres: Cluster, address: DatabaseAddress
) -> None:
    store = await open_store(address, IDENTITY)
    try:
        assert store.schema_version == HEAD
        migrated(postgres, address, LATER, int(HEAD))
        await store.write(partial(write, "one"))
        assert "one" in await store.read(names)
        assert store.schema_version == LATER
        await store.probe()
    finally:
        await store.close()


@pytest.mark.needs_postgres
@pytest.mark.parametrize(("revision", "usable_from"), [(LATER, int(LATER)), (f"{int(HEAD) - 1:04}", 1)])
async def test_one_that_it_cannot_live_with_is_neither_written_nor_read_until_it_is_put_back(
    postgres: Cluster, address: DatabaseAddress, revision: str, usable_from: int
) -> None:
    store = await open_store(address, IDENTITY)
    try:
        await store.write(partial(write, "before"))
        migrated(postgres, address, revision, usable_from)
        for ask in (store.write(partial(write, "after")), store.read(names), store.scan(names), store.probe()):
            with pytest.raises(UnavailableError, match=f"has schema {revision} by now.* it knows {HEAD}"):
                await ask
        migrated(postgres, address, HEAD, 1)
        assert await store.read(names) >= {"before"}
        assert "after" not in await store.read(names)
        await store.probe()
    finally:
        await store.close()


@pytest.mark.needs_postgres
async def test_another_database_in_its_place_is_refused_and_the_one_put_aside_is_not_written(
    postgres: Cluster, address: DatabaseAddress
) -> None:
    """As a restore does it, to a server that nobody saw in time."""
    name = postgres.database(address)
    postgres.execute(f"CREATE DATABASE {name}_copy OWNER homeport TEMPLATE {name}")
    store = await open_store(address, IDENTITY)
    try:
        await store.write(partial(write, "before"))
        for old, new in ((name, f"{name}_aside"), (f"{name}_copy", name)):
            await asyncio.to_thread(until, partial(renamed, postgres, old, new), within=20)
        for ask in (store.write(partial(write, "after")), store.read(names), store.probe()):
            with pytest.raises(UnavailableError, match="Another database has taken the place of the database"):
                await ask
        for one in (name, f"{name}_aside"):
            assert postgres.execute("SELECT count(*) FROM projects WHERE id = 'after'", one) == [(0,)]
    finally:
        await store.close()
        postgres.execute(f"DROP DATABASE {name}_aside WITH (FORCE)")


def renamed(cluster: Cluster, old: str, new: str) -> bool:
    """Whether it could be: a server may have connected again."""
    try:
        cluster.terminate(old)
        cluster.execute(f"ALTER DATABASE {old} RENAME TO {new}")
    except psycopg.errors.ObjectInUse:
        return False
    return True


@pytest.mark.needs_postgres
async def test_errands_are_left_to_a_server_that_can_live_with_the_schema(
    postgres: Cluster, address: DatabaseAddress
) -> None:
    doing = asyncio.Event()

    @asynccontextmanager
    async def errands() -> AsyncIterator[None]:
        doing.set()
        try:
            yield
        finally:
            doing.clear()

    async def ended() -> bool:
        return not doing.is_set()

    turns = asyncio.create_task(take_turns(address, errands))
    try:
        async with asyncio.timeout(20):
            await doing.wait()
        migrated(postgres, address, LATER, int(LATER))
        await eventually(ended, within=20)
        taken = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = %s"
        await asyncio.to_thread(until, lambda: postgres.execute(taken, values=[ERRANDS]) == [(0,)], within=20)
        migrated(postgres, address, HEAD, 1)
        async with asyncio.timeout(20):
            await doing.wait()
    finally:
        turns.cancel()
        await asyncio.wait([turns])


def test_a_server_lives_with_its_own_schema_and_with_later_ones_that_say_so() -> None:
    assert lives_with("0006", "0006", 0)
    assert lives_with("0006", "0008", 6)
    assert not lives_with("0006", "0008", 7)
    assert not lives_with("0006", "0007", 0)
    assert not lives_with("0006", "0005", 1)
    assert not lives_with("0006", None, 0)


@pytest.mark.parametrize("release", ["", "20261002T061500Z-1a2b3c4-dirty"])
@pytest.mark.parametrize("host", ["db1.example.org", "h" * 80, "größe mit leer", ""])
def test_what_a_server_is_called_fits_and_is_read_again(release: str, host: str) -> None:
    name = ServerName("0006", release, home_of("machine", "/srv/data"), host)
    assert str(name).isascii()
    assert len(str(name)) <= 63
    read = ServerName.read(str(name))
    assert read is not None
    assert (read.knows, read.release, read.home) == (name.knows, release, name.home)
    assert read.host
    assert host.startswith(read.host) or not host.isalnum() or "ö" in host


@pytest.mark.parametrize("text", ["homeport", "homeport data", "homeport 0006 r abcdef", "x homeport 0006 r abcdef h"])
def test_what_is_no_servers_name_is_none(text: str) -> None:
    assert ServerName.read(text) is None


def test_servers_of_two_directories_or_machines_are_told_apart() -> None:
    homes = {home_of(machine, data) for machine in ("a", "b") for data in ("/x", "/y")}
    assert len(homes) == 4
