"""Every adapter of the ``Store`` port, opened the same way."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from homeport.coordination.store import Store
from homeport.storage.memory import MemoryStore

Opener = Callable[[Path], Awaitable[Store]]


async def open_memory(path: Path) -> Store:
    """A store that needs no file."""
    del path
    return MemoryStore()


def _openers() -> dict[str, Opener]:
    found: dict[str, Opener] = {"memory": open_memory}
    if importlib.util.find_spec("homeport.storage.sqlite") is not None:
        sqlite = importlib.import_module("homeport.storage.sqlite")
        if hasattr(sqlite, "open_store"):
            found["sqlite"] = sqlite.open_store
    return found


STORES: Final = _openers()
"""How to open each, by name."""
