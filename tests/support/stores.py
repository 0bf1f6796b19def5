"""Every adapter of the ``Store`` port, opened the same way."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from homeport.coordination.store import Store
from homeport.storage.memory import MemoryStore
from homeport.storage.sqlite import open_store


async def open_memory(data_directory: Path) -> Store:
    """A store that needs no directory."""
    del data_directory
    return MemoryStore()


STORES: Final[dict[str, Callable[[Path], Awaitable[Store]]]] = {"memory": open_memory, "sqlite": open_store}
"""How to open each, by name."""
