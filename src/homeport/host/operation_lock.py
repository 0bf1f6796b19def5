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

from homeport.datalock import LockHolder, this_process
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
            raise _held(environment, _read(descriptor)) from None
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
    try:
        descriptor = os.open(directory / FILE_NAME, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = _read(descriptor)
        return holder is not None and holder.pid == os.getppid()
    finally:
        os.close(descriptor)
    return False


def _read(descriptor: int) -> LockHolder | None:
    try:
        return LockHolder(**json.loads(os.pread(descriptor, 4096, 0)))
    except (ValueError, TypeError):
        return None


def _held(environment: str, holder: LockHolder | None) -> OperationRunsError:
    who = str(holder) if holder else "another process, which has not yet said who it is"
    return OperationRunsError(
        f"Another operation is changing {environment}: {who}.",
        "One operation at a time changes an environment: wait for that one.",
        environment=environment,
        holder=asdict(holder) if holder else None,
    )
