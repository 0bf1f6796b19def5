"""Import and export of an environment's data, in a process of their own, beside a running server or without one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from homeport.coordination.store import Records, Store
from homeport.datalock import find_holder
from homeport.errors import UsageError
from homeport.exchange.json_v1.directory import read_directory
from homeport.exchange.json_v1.exporting import export_directory
from homeport.exchange.json_v1.importing import import_directory
from homeport.exchange.json_v1.report import Report
from homeport.exchange.json_v1.writing import check_target, write_directory
from homeport.identity import check_owner, open_data_directory
from homeport.storage.memory import MemoryStore
from homeport.storage.sqlite import open_store


class _RolledBackError(Exception):
    """Ends a transaction without a trace; carries what it would have answered."""

    def __init__(self, report: Report) -> None:
        super().__init__()
        self.report = report


def import_json_v1(data_directory: Path, environment: str, source: Path, *, dry_run: bool) -> Report:
    """See :func:`homeport.server.import_json_v1`."""
    directory = read_directory(source)
    now = time.time_ns() // 1_000_000

    def work(records: Records) -> Report:
        report = import_directory(records, directory, now)
        if dry_run:
            raise _RolledBackError(report)
        return report

    async def into(store: Store) -> Report:
        try:
            return await store.write(work)
        except _RolledBackError as end:
            return end.report
        finally:
            await store.close()

    if dry_run and check_owner(data_directory, environment) is None:
        # Nothing is there yet, and a look at what would be must not begin it.
        return asyncio.run(into(MemoryStore()))
    return _with_store(data_directory, environment, into)


def export_json_v1(data_directory: Path, environment: str, target: Path, *, dry_run: bool) -> Report:
    """See :func:`homeport.server.export_json_v1`."""
    if target.resolve().is_relative_to(data_directory.resolve()):
        raise UsageError(f"{target} is inside the data directory of {environment}.", "Export to a place outside.")
    check_target(target)
    if check_owner(data_directory, environment) is None:
        raise UsageError(f"{environment} holds no data yet ({data_directory}).", "There is nothing to export.")

    async def out_of(store: Store) -> Report:
        try:
            exported = await store.scan(export_directory)
        finally:
            await store.close()
        if not dry_run:
            write_directory(exported.files, target)
        return exported.report

    return _with_store(data_directory, environment, out_of)


def _with_store(data_directory: Path, environment: str, work: Callable[[Store], Coroutine[Any, Any, Report]]) -> Report:
    """Runs work on the store of a data directory: beside the server that has it open, or else under its lock.

    SQLite lets processes take turns at writing, and a server tells those who wait of what another process wrote.
    """

    async def opened(*, beside_server: bool) -> Report:
        return await work(await open_store(data_directory, beside_server=beside_server))

    check_owner(data_directory, environment)
    if find_holder(data_directory) is not None:
        return asyncio.run(opened(beside_server=True))
    with open_data_directory(data_directory, environment):
        return asyncio.run(opened(beside_server=False))
