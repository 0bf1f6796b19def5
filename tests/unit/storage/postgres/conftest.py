"""Several stores on one database, and a cluster that a module may break."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from homeport.contract import DatabaseAddress
from homeport.storage.postgres import PostgresStore, open_store
from tests.support.postgres import Cluster, cluster
from tests.support.stores import IDENTITY, filled


@pytest.fixture(scope="module")
def fragile() -> Iterator[Cluster]:
    """A cluster of a module's own."""
    with cluster() as made:
        yield made


@pytest.fixture
async def address(postgres: Cluster) -> AsyncIterator[DatabaseAddress]:
    """A database of the current schema, of a test's own."""
    made = await asyncio.to_thread(filled, postgres)
    yield made
    await asyncio.to_thread(postgres.drop, made)


@pytest.fixture
async def three(address: DatabaseAddress) -> AsyncIterator[list[PostgresStore]]:
    """Three stores, as of three servers, on one database."""
    stores = [await open_store(address, IDENTITY) for _ in range(3)]
    yield stores
    await asyncio.gather(*(store.close() for store in stores))


@pytest.fixture
async def breakable(fragile: Cluster) -> AsyncIterator[tuple[Cluster, DatabaseAddress]]:
    """A database of the current schema on the cluster that may be broken."""
    address = await asyncio.to_thread(filled, fragile)
    yield fragile, address
    await asyncio.to_thread(fragile.drop, address)
