"""Stores on SQLite, with their insides in reach."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from homeport.coordination.search import SearchKind, SearchQuery, words_of
from homeport.datalock import is_migrating
from homeport.storage.sqlite import SqliteStore, open_store
from tests.support.begun import give_database


@pytest.fixture
async def sqlite(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    """A new store in ``tmp_path``."""
    give_database(tmp_path)
    store = await open_store(tmp_path)
    try:
        yield store
    finally:
        async with asyncio.timeout(30):
            await store.close()


@pytest.fixture
async def other(tmp_path: Path, sqlite: SqliteStore) -> AsyncIterator[SqliteStore]:
    """A second store on the same file, as another process has one."""
    store = await open_store(tmp_path)
    try:
        yield store
    finally:
        await store.close()


class Disk:
    """A small file system in memory."""

    def __init__(self, at: Path) -> None:
        self.at = at

    def remount(self, options: str) -> None:
        """Changes its size, or whether it can be written."""
        subprocess.run(["mount", "-o", f"remount,{options}", str(self.at)], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A disk of 8 MB; only root may have one."""
    at = tmp_path / "disk"
    at.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root may mount a disk that is small enough to be filled")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "none", str(at)], check=False).returncode:
        pytest.skip("a file system cannot be mounted here")
    try:
        yield Disk(at)
    finally:
        subprocess.run(["umount", "-l", str(at)], check=True)


@pytest.fixture
def run_python() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs a script in a process of its own."""

    def run(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", script, *map(str, arguments)]
        return subprocess.run(command, check=False, capture_output=True, text=True, timeout=50)

    return run


class Looks:
    """Whether data are migrated, as the store asks it; how often it did is counted."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, directory: Path) -> bool:
        self.count += 1
        return is_migrating(directory)

    async def were(self, count: int) -> bool:
        return self.count >= count


def files(directory: Path) -> list[str]:
    """The names of what lies in a directory."""
    return sorted(path.name for path in directory.iterdir())


def question(text: str, kind: SearchKind = "message", **said: Any) -> SearchQuery:
    """What somebody looks for."""
    return SearchQuery(words_of(text), kind, **said)
