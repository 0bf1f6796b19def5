"""Work on an environment's data in a process of its own, beside a running server or without one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

from homeport.coordination.store import Store
from homeport.datalock import find_holder
from homeport.identity import check_owner, open_data_directory
from homeport.storage.sqlite import open_store

T = TypeVar("T")


def with_store(data_directory: Path, environment: str, work: Callable[[Store], Coroutine[Any, Any, T]]) -> T:
    """Runs work on the store of a data directory: beside the server that has it open, or else under its lock.

    SQLite lets processes take turns at writing, and a server tells those who wait of what another process wrote. The
    work closes the store.

    Raises:
        CannotStartError: the data are another environment's, unwritable, or open in a server of another schema.
    """

    async def opened(*, beside_server: bool) -> T:
        return await work(await open_store(data_directory, beside_server=beside_server))

    check_owner(data_directory, environment)
    if find_holder(data_directory) is not None:
        return asyncio.run(opened(beside_server=True))
    with open_data_directory(data_directory, environment):
        return asyncio.run(opened(beside_server=False))
