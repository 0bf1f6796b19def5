"""One operation at a time changes an environment: a lock held by the kernel, so that no crash leaves it behind."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Final

from homeport.datalock import LockHolder, find_holder, read_holder, this_process
from homeport.errors import OperationRunsError

FILE_NAME: Final = "operation.lock"


@contextmanager
def operation_lock(directory: Path, environment: str, holder: LockHolder | None = None) -> Iterator[None]:
    """Holds the lock of an environment's operations for as long as the block runs.

    Args:
        directory: the environment's journal directory; must exist.
        environment: for the sentence.
        holder: who the others read that holds it; this process by default.

    Raises:
        OperationRunsError: another operation runs; its process, command and beginning are named.
    """
    descriptor = os.open(directory / FILE_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _held(environment, read_holder(descriptor)) from None
        # A full disk takes nothing from the lock itself: it is held, it only cannot say by whom.
        with suppress(OSError):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, json.dumps(asdict(holder or this_process())).encode(), 0)
        try:
            yield
        finally:
            with suppress(OSError):
                os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def is_step(directory: Path) -> bool:
    """Whether this process was started by the one that holds the lock: it carries out a step of that operation.

    Args:
        directory: the environment's journal directory; need not exist.
    """
    holder = find_holder(directory, FILE_NAME)
    # Who has not said who it is has pid 0, and so has a parent outside of this process's namespace.
    return holder is not None and holder.pid == os.getppid() != 0


def _held(environment: str, holder: LockHolder | None) -> OperationRunsError:
    who = str(holder) if holder else "another process, which has not yet said who it is"
    return OperationRunsError(
        f"Another operation is changing {environment}: {who}.",
        "One operation at a time changes an environment: wait for that one.",
        environment=environment,
        holder=asdict(holder) if holder else None,
    )
