"""Work on an environment's data in a process of its own, beside a running server or without one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from homeport.contract import Identity
from homeport.coordination.store import Store
from homeport.datalock import find_holder
from homeport.identity import check_owner
from homeport.server.opening import DataPlace

T = TypeVar("T")


def with_store(place: DataPlace, work: Callable[[Store], Coroutine[Any, Any, T]]) -> T:
    """Runs work on the store of a data directory: beside the server that has it open, or else under its lock.

    Databases let processes take turns at writing, and a server tells those who wait of what another process wrote. The
    work closes the store. Of a database nobody knows here which servers have it open elsewhere, so that one which holds
    something is left with the schema that it has.

    Raises:
        CannotStartError: the data are another environment's, unwritable, or open in a server of another schema.
        UnavailableError: the database cannot be reached now.
    """

    async def opened(identity: Identity | None, *, beside_server: bool) -> T:
        opened = await place.opened(identity, beside_server=beside_server)
        return await work(opened.store)

    elsewhere = place.database is not None and place.find_identity() is not None
    identity = check_owner(place.directory, place.environment)
    if find_holder(place.directory) is not None:
        return asyncio.run(opened(identity, beside_server=True))
    with place.held() as held:
        return asyncio.run(opened(held, beside_server=elsewhere))
