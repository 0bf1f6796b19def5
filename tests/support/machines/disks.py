"""Directories of machines, each held by the process whose test it is; what dead processes left is removed."""

from __future__ import annotations

import fcntl
import functools
import shutil
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.support.machines.enclosure import remove_group
from tests.support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

PROPAGATED: Final = Path("/run/systemd/nspawn/propagate")  # nspawn leaves a directory there


@contextmanager
def owned(home: Path) -> Iterator[Path]:
    """A new directory, removed at the end; the kernel's lock on a file in it says that its owner lives."""
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("a") as door:
        fcntl.flock(door, fcntl.LOCK_EX)
        _sweep(home)
        directory = home / f"homeport-{uuid.uuid4().hex[:8]}"
        directory.mkdir()
        owner = (directory / "owner").open("a")
        fcntl.flock(owner, fcntl.LOCK_EX)
    with owner:
        try:
            yield directory
        finally:
            _remove(directory)


def wait_for_end(name: str) -> None:
    """Waits until nothing of a machine that was ended is left, and removes its control group.

    A group is busy until its last process is gone; then the mounts are, too.
    """
    until(functools.partial(_group_removed, name), within=60)


def _sweep(home: Path) -> None:
    for owner in home.glob("*/owner"):
        with owner.open("a") as held:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            wait_for_end(owner.parent.name)
            _remove(owner.parent)


def _remove(directory: Path) -> None:
    shutil.rmtree(directory)
    propagated = PROPAGATED / directory.name
    if propagated.is_dir():
        propagated.rmdir()


def _group_removed(name: str) -> bool:
    try:
        remove_group(name)
    except OSError:
        return False
    return True
