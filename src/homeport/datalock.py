"""The lock on a data directory: one server at a time, held by the kernel.

``flock`` on an open file, so that no crash leaves a stale lock behind (operations.md: stale locks of other
tools). The text in the file only says who holds it; whether it is held, the kernel knows.
"""

from __future__ import annotations

import fcntl
import json
import os
import shlex
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from homeport.contract import LOCK_FILE, MIGRATING_FILE
from homeport.errors import CannotStartError

_LONGEST_TEXT: Final = 4096
_TRIES: Final = 5
_PATIENCE: Final = 500
_PAUSE: Final = 0.01
_LONGEST_COMMAND: Final = 600
"""Characters; the whole text must fit when each of them is escaped."""


@dataclass(frozen=True, slots=True)
class LockHolder:
    """Who has a data directory open."""

    pid: int
    command: str
    since: str
    """RFC 3339, UTC."""

    def __str__(self) -> str:
        return f"process {self.pid} ({self.command}) since {self.since}"


def this_process(now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> LockHolder:
    """This process, as others will read of it."""
    # On one line, since it becomes part of an error of one line.
    command = " ".join(shlex.join(sys.orig_argv).split())[:_LONGEST_COMMAND]
    return LockHolder(os.getpid(), command, now().isoformat(timespec="seconds"))


class DataLock:
    """A taken lock; leaving it as a context, closing it, or the end of the process frees it."""

    def __init__(self, descriptor: int, *, shared: bool = False) -> None:
        self._descriptor: int | None = descriptor
        self.shared = shared

    @classmethod
    def take(cls, directory: Path, holder: LockHolder | None = None) -> Self:
        """Takes the lock of this data directory, for nobody else to have.

        Raises:
            CannotStartError: another process holds it; the sentence says which, with its command and since
                when.
            OSError: the lock file cannot be opened.
        """
        lock = cls(_locked(directory, fcntl.LOCK_EX))
        lock.sign(holder)
        return lock

    @classmethod
    def take_or_share(cls, directory: Path, holder: LockHolder | None = None) -> Self:
        """Takes the lock alone where nobody has it, or else together with others that were taken so.

        Raises:
            CannotStartError: a process holds it alone.
            OSError: the lock file cannot be opened.
        """
        try:
            return cls.take(directory, holder)
        except CannotStartError:
            # One that begins has it alone while it opens the data.
            return cls(_locked(directory, fcntl.LOCK_SH, _PATIENCE), shared=True)

    def share(self) -> None:
        """Lets others in that share it.

        Raises:
            CannotStartError: in that moment somebody else took it alone.
        """
        if self._descriptor is None or self.shared:
            return
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotStartError("The data directory was taken by another process.", "Start again.") from None
        self.shared = True

    def sign(self, holder: LockHolder | None = None) -> None:
        """Writes down who holds it; of several, the one that signed last is named."""
        if self._descriptor is None:
            return
        # A disk that is full takes nothing from the lock itself: it is held, it only cannot say by whom.
        with suppress(OSError):
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, json.dumps(asdict(holder or this_process())).encode(), 0)

    def release(self) -> None:
        """Frees it; the file stays, since removing it would race with the next who takes it."""
        if self._descriptor is None:
            return
        found = read_holder(self._descriptor) if self.shared else None
        # Where it is shared, the name in it may be a successor's.
        if not self.shared or (found is not None and found.pid == os.getpid()):
            with suppress(OSError):
                os.ftruncate(self._descriptor, 0)
        os.close(self._descriptor)
        self._descriptor = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def find_holder(directory: Path, name: str = LOCK_FILE) -> LockHolder | None:
    """Who holds the lock of ``directory`` now; None where nobody does. Takes nothing.

    A holder that has not yet written who it is has pid 0.

    Args:
        directory: where the lock is; need not exist.
        name: of its file; that of a data directory by default.
    """
    try:
        descriptor = os.open(directory / name, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        # Alone, since servers that hand over to each other share it.
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return read_holder(descriptor) or LockHolder(0, "unknown", "just now")
    finally:
        os.close(descriptor)
    return None


@contextmanager
def migrating(directory: Path) -> Iterator[None]:
    """Tells a server that has the data open, or is to open them, that they are migrated while the block runs."""
    descriptor = os.open(directory / MIGRATING_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        # Who looks has it for a moment.
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def is_migrating(directory: Path) -> bool:
    """Whether the data are being migrated; also where that is another user's work."""
    try:
        descriptor = os.open(directory / MIGRATING_FILE, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _locked(directory: Path, mode: int, tries: int = _TRIES) -> int:
    """A descriptor that holds the lock."""
    descriptor = os.open(directory / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        for _ in range(tries):
            try:
                fcntl.flock(descriptor, mode | fcntl.LOCK_NB)
            except BlockingIOError:
                # Whoever only looks who holds it has it for a moment.
                time.sleep(_PAUSE)
            else:
                return descriptor
        found = read_holder(descriptor)
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    raise _held(directory, found)


def read_holder(descriptor: int) -> LockHolder | None:
    """What the file of a lock says of its holder; None where it says nothing yet."""
    try:
        found = json.loads(os.pread(descriptor, _LONGEST_TEXT, 0))
        return LockHolder(int(found["pid"]), str(found["command"]), str(found["since"]))
    except (ValueError, KeyError, TypeError):
        return None


def _held(directory: Path, found: LockHolder | None) -> CannotStartError:
    who = str(found) if found else "another process, which has not yet said who it is"
    return CannotStartError(
        f"{directory} is in use by {who}.",
        "One server at a time has a data directory open: stop that one, or use another environment.",
        data_directory=str(directory),
        holder=asdict(found) if found else None,
    )
