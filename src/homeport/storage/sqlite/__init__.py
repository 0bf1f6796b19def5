"""The ``Store`` port on SQLite: one file, one writer that commits what waits together, readers beside it."""

from homeport.storage.sqlite.opening import open_store
from homeport.storage.sqlite.store import SqliteStore

__all__ = ["SqliteStore", "open_store"]
