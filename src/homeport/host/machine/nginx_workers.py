"""When nginx serves by the configuration that it was told to read: its master gets a signal, and says nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from homeport.environments.machine.proxying import NGINX
from homeport.errors import HomeportError
from homeport.host.commands import demand_command

PATIENCE: Final = 10.0
"""Seconds until nginx has to serve anew; it takes it a few milliseconds, and long where there are many certificates."""
_WORKER: Final = "nginx: worker process"
"""What a worker calls itself until it is told to end: then more follows, and it listens no more."""
_BETWEEN: Final = 0.01


@contextmanager
def served_anew(*, master: Callable[[], int] | None = None, patience: float = PATIENCE) -> Iterator[None]:
    """Around what tells nginx to read its configuration: left once nobody is served by the one before.

    Args:
        master: the pid of nginx's first process, 0 where none runs; systemd is asked by default.
        patience: seconds.

    Raises:
        HomeportError: what listens for nginx are the processes from before, or none.
    """
    find = master if master is not None else _master
    before = set(_listening(find()))
    yield
    deadline = time.monotonic() + patience
    while not (now := set(_listening(find()))) or now & before:
        if time.monotonic() >= deadline:
            what = "still serves with the configuration before" if now else "has no process that serves"
            raise HomeportError(
                f"nginx was told to read its configuration, and {what} {patience:.0f} seconds later.",
                f"journalctl -u {NGINX.removesuffix('.service')} and nginx's error_log say why.",
            )
        time.sleep(_BETWEEN)


def _master() -> int:
    return int(demand_command(["systemctl", "show", "--property=MainPID", "--value", "--", NGINX]).output or 0)


def _listening(master: int) -> Iterator[int]:
    """The workers of a master that were not told to end."""
    for place in Path("/proc").glob("[0-9]*"):
        try:
            # The name is between parentheses, and may hold any of them.
            parent = int((place / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[1])
            if parent == master and _title(place) == _WORKER:
                yield int(place.name)
        except OSError:
            # It ended while it was looked at.
            continue


def _title(place: Path) -> str:
    return (place / "cmdline").read_bytes().rstrip(b"\0 ").decode(errors="replace")
