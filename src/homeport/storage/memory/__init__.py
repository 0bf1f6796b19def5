"""The ``Store`` port on plain dictionaries: slow, forgetful, and obviously right.

Tests run on it where durability is not their subject, and the SQLite store is compared with it, answer by answer.
"""

from homeport.storage.memory.store import MemoryStore

__all__ = ["MemoryStore"]
