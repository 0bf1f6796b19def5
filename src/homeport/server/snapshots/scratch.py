"""A directory that nobody serves, so that its data may be changed as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from homeport.contract import LOCK_FILE
from homeport.datalock import DataLock, find_holder
from homeport.errors import GuardError


@contextmanager
def scratch(directory: Path) -> Iterator[None]:
    """Holds the lock of a snapshot meanwhile, and leaves no lock file behind.

    Raises:
        GuardError: somebody has it open.
    """
    holder = find_holder(directory)
    if holder is not None:
        raise GuardError(
            f"{directory} is in use by {holder}: these are live data.", "Take a snapshot of them, and work on that."
        )
    with DataLock.take(directory):
        try:
            yield
        finally:
            (directory / LOCK_FILE).unlink(missing_ok=True)
