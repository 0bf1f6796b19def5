"""The hold on an environment's data: a slot that starts waits before it opens them, and the kernel queues who connects.

It is a kernel lock on a file, so that it ends with whoever has it; and in the file stands which release may open the
data should that happen, since the others would find what they cannot read.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from homeport.contract import HOLD_FILE, hold_text
from homeport.environments.environment import Environment
from homeport.host.owners import owner_of, set_owner


class Hold:
    """A hold that is had; got from :func:`held`."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def allow(self, release: str) -> None:
        """From now on this release may open the data when the hold ends, and no other; empty for what is none."""
        self._write(hold_text(release))

    def allow_all(self) -> None:
        """The data are as they should be."""
        self._write("")

    def _write(self, text: str) -> None:
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, text.encode(), 0)
        os.fsync(self._descriptor)


@contextmanager
def held(environment: Environment, release: str) -> Iterator[Hold]:
    """Has slots that start wait, for as long as the block runs. Where it fails, what it allowed last stays so.

    Args:
        environment: whose data.
        release: the one that may open them until something else is allowed; empty for what is none.
    """
    directory = Path(environment.data_directory)
    path = directory / HOLD_FILE
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        set_owner(path, owner_of(directory))
        # Servers that look whether it is held share it for a moment.
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        hold = Hold(descriptor)
        hold.allow(release)
        yield hold
        hold.allow_all()
    finally:
        os.close(descriptor)


def forget_hold(environment: Environment) -> None:
    """Every release may open the data again; what was begun under a hold has been undone."""
    (Path(environment.data_directory) / HOLD_FILE).unlink(missing_ok=True)
