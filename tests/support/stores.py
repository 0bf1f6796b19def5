"""Every adapter of the ``Store`` port."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import pytest

from homeport.contract import APPLICATION, DatabaseAddress, Identity
from homeport.coordination.store import Store
from homeport.storage.memory import MemoryStore
from homeport.storage.postgres import PostgresStore
from homeport.storage.postgres import open_store as open_database
from homeport.storage.sqlite import open_store
from tests.support.begun import give_database
from tests.support.postgres import Cluster


async def open_memory(data_directory: Path) -> Store:
    """A store that needs no directory."""
    del data_directory
    return MemoryStore()


async def open_file(data_directory: Path) -> Store:
    """A store in an empty directory."""
    give_database(data_directory)
    return await open_store(data_directory)


IDENTITY: Final = Identity(
    application=APPLICATION,
    environment="development",
    id="7d4f8a52-0f8b-4c39-9a55-3a6c1f0e2b11",
    created="2026-11-01T00:00:00+00:00",
)
"""Whose data the databases of these tests hold."""


def fill(address: DatabaseAddress) -> None:
    """Makes an empty database one of the current schema."""

    async def open_and_close() -> None:
        await (await open_database(address, IDENTITY)).close()

    asyncio.run(open_and_close())


def filled(cluster: Cluster, *, tcp: bool = False) -> DatabaseAddress:
    """A new database of the current schema; not to be called in an event loop's thread."""
    return cluster.create(template=cluster.template("filled", fill), tcp=tcp)


@asynccontextmanager
async def on_postgres(cluster: Cluster) -> AsyncIterator[PostgresStore]:
    """A store on a database of its own."""
    address = await asyncio.to_thread(filled, cluster)
    opened = await open_database(address, IDENTITY)
    try:
        yield opened
    finally:
        await opened.close()
        await asyncio.to_thread(cluster.drop, address)


STORES: Final[dict[str, Callable[[Path], Awaitable[Store]]]] = {"memory": open_memory, "sqlite": open_file}
"""How to open those that need no server, by name."""
ADAPTERS: Final = (*STORES, pytest.param("postgres", marks=pytest.mark.needs_postgres))
"""All, as parameters of tests."""
