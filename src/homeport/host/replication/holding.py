"""Who may touch a database's replica: one Litestream at a time, and none while the data are exchanged.

Two kernel locks. ``litestream.lock`` is held for as long as a Litestream runs, by itself too, so that it is free only
once that has ended. ``hold.lock`` is held by whoever wants it to stop; when that process ends, however it ends, it goes
on. Litestream keeps the database open by its name: one that ran on while a directory is renamed would read the new
log into the old history, and could remove the new log when it closes the old database.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from homeport.environments.environment import Environment
from homeport.errors import HomeportError
from homeport.host.owners import owner_of, set_owner
from homeport.host.replication.generations import forget_current

RUNNING: Final = "litestream.lock"
HOLD: Final = "hold.lock"
PATIENCE: Final = 40.0
"""Seconds that a Litestream may take to end."""
_BETWEEN: Final = 0.02


@contextmanager
def replication_held(
    environment: Environment,
    *,
    seconds: float = PATIENCE,
    pause: Callable[[float], None] = time.sleep,
    monotonic: Callable[[], float] = time.monotonic,
) -> Iterator[None]:
    """While the block runs, no Litestream has the database open; what it replicates afterwards is a new history.

    Raises:
        HomeportError: it does not end in time.
    """
    directory = Path(environment.replication_directory)
    if not directory.is_dir():
        yield
        return
    with _opened(directory / HOLD) as hold, _opened(directory / RUNNING) as running:
        fcntl.flock(hold, fcntl.LOCK_EX)
        end = monotonic() + seconds
        while not _taken(running):
            if monotonic() >= end:
                raise HomeportError(
                    f"Litestream, which replicates {environment.name}, does not stop within {seconds:.0f} seconds.",
                    "Stop it (systemctl stop, or the process that homeport replicate is), then try again.",
                )
            pause(_BETWEEN)
        try:
            yield
        finally:
            forget_current(environment)


def is_held(directory: Path) -> bool:
    """Whether somebody wants Litestream to stop."""
    with _opened(directory / HOLD) as hold:
        return not _taken(hold)


def is_running(environment: Environment) -> bool:
    """Whether a Litestream runs for an environment, as the kernel knows."""
    file = Path(environment.replication_directory) / RUNNING
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return not _taken(descriptor)
    finally:
        os.close(descriptor)


def take_running(directory: Path) -> int | None:
    """The lock of the one Litestream, as a descriptor that it inherits; None where another has it."""
    descriptor = _open(directory / RUNNING)
    if _taken(descriptor):
        return descriptor
    os.close(descriptor)
    return None


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def _opened(file: Path) -> Iterator[int]:
    descriptor = _open(file)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _open(file: Path) -> int:
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    # What root makes here, the server's user must be able to open.
    set_owner(file, owner_of(file.parent))
    return descriptor
