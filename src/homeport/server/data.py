"""Import and export of an environment's data, in a process of their own, beside a running server or without one."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from homeport.coordination.store import Records, Store
from homeport.errors import UsageError
from homeport.exchange.json_v1.directory import read_directory
from homeport.exchange.json_v1.exporting import export_directory
from homeport.exchange.json_v1.importing import import_directory
from homeport.exchange.json_v1.report import Report
from homeport.exchange.json_v1.writing import check_target, write_directory
from homeport.server.beside import with_store
from homeport.server.opening import DataPlace
from homeport.storage.memory import MemoryStore


class _RolledBackError(Exception):
    """Ends a transaction without a trace; carries what it would have answered."""

    def __init__(self, report: Report) -> None:
        super().__init__()
        self.report = report


def import_json_v1(place: DataPlace, source: Path, *, dry_run: bool) -> Report:
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

    if dry_run and place.find_identity() is None:
        # Nothing is there yet, and a look at what would be must not begin it.
        return asyncio.run(into(MemoryStore()))
    return with_store(place, into)


def export_json_v1(place: DataPlace, target: Path, *, dry_run: bool) -> Report:
    """See :func:`homeport.server.export_json_v1`."""
    if target.resolve().is_relative_to(place.directory.resolve()):
        raise UsageError(f"{target} is inside the data directory of {place.environment}.", "Export to a place outside.")
    check_target(target)
    if place.find_identity() is None:
        raise UsageError(f"{place.environment} holds no data yet ({place.directory}).", "There is nothing to export.")

    async def out_of(store: Store) -> Report:
        try:
            exported = await store.scan(export_directory)
        finally:
            await store.close()
        if not dry_run:
            write_directory(exported.files, target)
        return exported.report

    return with_store(place, out_of)
