"""Which process a server is: written down at its start so that it can be proven later that it is still that one.

A pid alone proves nothing, since the kernel gives it to somebody else later. Beside it stand when that process began,
in the kernel's own count, and a mark that the process and all that it started carry in their environment.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import psutil

from homeport.errors import HomeportError
from homeport.files import write_atomically

MARK: Final = "HOMEPORT_STARTED_AS"
"""The variable that carries the mark."""
_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")
_GONE: Final = ("Z", "X", "x")
_LARGEST: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Started:
    """What was written down of a server that was started.

    Attributes:
        environment: its name.
        pid: of its keeper, which leads a session of its own.
        birth: when the keeper began; see :func:`birth_of`.
        mark: what it and its children carry.
        at: RFC 3339, UTC.
        reload: whether it is exchanged whenever its source changes.
        control: the keeper's socket, where servers are to hand over to each other; empty where they cannot.
        listens: the addresses that the keeper holds then, ``127.0.0.1:3444``.
    """

    environment: str
    pid: int
    birth: str
    mark: str
    at: str
    reload: bool = False
    control: str = ""
    listens: tuple[str, ...] = ()

    @property
    def keeper_runs(self) -> bool:
        """Whether that very process still runs."""
        return birth_of(self.pid) == self.birth


def birth_of(pid: int) -> str | None:
    """When a process began, as a text that no later process of the same pid has; None where none runs.

    A process that has ended and was not yet waited for does not run.
    """
    if sys.platform != "linux":
        return _birth_elsewhere(pid)
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    # The clock may be set; the ticks since this boot may not.
    return None if fields[0] in _GONE else f"{_BOOT.read_text(encoding='ascii').strip()}:{fields[19]}"


def _birth_elsewhere(pid: int) -> str | None:
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else f"{process.create_time():.6f}"
    except psutil.Error:
        return None


def read_started(file: Path) -> Started | None:
    """What stands in a pid file; None where there is none.

    Raises:
        HomeportError: it is not one that Homeport wrote.
        OSError: it cannot be read.
    """
    try:
        with file.open("rb") as stream:
            found = json.loads(stream.read(_LARGEST))
        values = {key: found[key] for key in ("environment", "birth", "mark", "at")}
        pid, reload = found["pid"], found.get("reload", False)
        control, listens = found.get("control", ""), tuple(found.get("listens", ()))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise _not_ours(file) from None
    texts = all(isinstance(value, str) for value in (*values.values(), control, *listens))
    if not texts or type(pid) is not int or pid <= 1 or type(reload) is not bool:
        raise _not_ours(file)
    return Started(pid=pid, reload=reload, control=control, listens=listens, **values)


def write_started(file: Path, started: Started) -> None:
    """Writes a pid file."""
    write_atomically(file, json.dumps(asdict(started)) + "\n", mode=0o600)


@dataclass(frozen=True, slots=True)
class Member:
    """A process that a server consists of."""

    pid: int
    birth: str


def members_of(started: Started) -> list[Member]:
    """The processes that carry the mark, in the order in which they began; the keeper is none of them.

    Only those of its session are looked at, and of another user's none.
    """
    found = []
    for pid in psutil.pids():
        with suppress(psutil.Error, OSError):
            if pid == started.pid or os.getsid(pid) != started.pid:
                continue
            # Its birth first: should the pid change hands now, then whoever uses this finds another birth.
            birth = birth_of(pid)
            process = psutil.Process(pid)
            if birth is not None and process.environ().get(MARK) == started.mark:
                found.append((process.create_time(), pid, Member(pid, birth)))
    return [member for _, _, member in sorted(found, key=lambda one: one[:2])]


def send(pid: int, birth: str, number: signal.Signals) -> None:
    """Sends a signal to the process of this birth, and to no other that may have got its pid.

    Raises:
        PermissionError: it is another user's.
    """
    with suppress(ProcessLookupError), _held(pid) as descriptor:
        # The descriptor is of one process for good; only now is it known of which.
        if birth_of(pid) != birth:
            return
        if descriptor is None:
            os.kill(pid, number)
        else:
            signal.pidfd_send_signal(descriptor, number)


def signal_name(number: int) -> str:
    """The name of a signal."""
    with suppress(ValueError):
        return signal.Signals(number).name
    return f"signal {number}"


@contextmanager
def _held(pid: int) -> Iterator[int | None]:
    """A descriptor of a process; None where the system has no such thing."""
    if not hasattr(os, "pidfd_open"):
        yield None
        return
    descriptor = os.pidfd_open(pid)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _not_ours(file: Path) -> HomeportError:
    return HomeportError(
        f"{file} is not a pid file that Homeport wrote.",
        "Nothing is done with what it names; move it away.",
        file=str(file),
    )
