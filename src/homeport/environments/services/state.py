"""How an environment's server is, as its service manager and the machine say: values, and what follows from them."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import Final, Literal

from homeport.environments.services.health import HealthAnswer

ManagerKind = Literal["systemd", "processes"]
INIT: Final = 1
"""The pid that holds sockets for those whom it starts."""
SLACK: Final = 2.0
"""Seconds by which two clocks of one machine may disagree on when a server began."""


@dataclass(frozen=True, slots=True)
class PortHolder:
    """A process that listens on a port, as far as this user may see it."""

    pid: int | None
    command: str | None
    working_directory: str | None
    unit: str | None
    """The systemd service it runs in; None where it was started by hand."""

    def __str__(self) -> str:
        if self.pid is None:
            return "a process of another user"
        parts = [f"process {self.pid}"]
        if self.command:
            parts.append(f"({self.command})")
        if self.working_directory:
            parts.append(f"in {self.working_directory}")
        parts.append(f"of the unit {self.unit}" if self.unit else "of no systemd unit")
        return " ".join(parts)

    def as_json(self) -> dict[str, object]:
        return {
            "pid": self.pid,
            "command": self.command,
            "working_directory": self.working_directory,
            "unit": self.unit,
        }


@dataclass(frozen=True, slots=True)
class Listening:
    """One declared port, and who listens on it."""

    setting: str
    port: int
    holders: tuple[PortHolder, ...]
    """Empty where nobody listens; several where one passed the socket on to others."""

    def as_json(self) -> dict[str, object]:
        return {"setting": self.setting, "port": self.port, "holders": [holder.as_json() for holder in self.holders]}


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceEnd:
    """How a server's last run ended.

    Attributes:
        code: its exit code; None where a signal ended it, or nobody knows.
        signal: the name of the signal that ended it.
        asked: whether it had been told to stop.
        at: when, where that is known.
        line: the last line that it wrote.
        cause: what the service manager calls it: ``start-limit-hit``, ``watchdog``; empty where it has no word.
    """

    code: int | None
    signal: str | None = None
    asked: bool = False
    at: datetime | None = None
    line: str = ""
    cause: str = ""

    @property
    def is_clean(self) -> bool:
        """Whether it ended because it was told to, and well."""
        return (self.asked and (self.code == 0 or self.signal == "SIGTERM")) or (self.code == 0 and not self.cause)

    def __str__(self) -> str:
        how = f"was ended by {self.signal}" if self.signal else "ended"
        if self.code is not None:
            how = f"ended with exit code {self.code}"
        how += f" ({self.cause})" if self.cause else ""
        return f"{how}: {self.line}" if self.line else how

    def as_json(self) -> dict[str, object]:
        return {
            "code": self.code,
            "signal": self.signal,
            "asked": self.asked,
            "at": self.at.isoformat(timespec="seconds") if self.at else None,
            "line": self.line,
            "cause": self.cause,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceState:
    """How a server is.

    Attributes:
        manager: who runs it.
        running: whether a process runs that the manager started.
        pids: its processes, the server itself first.
        since: when it began.
        restarts: how often the manager has started it again by itself; None where it never does.
        last_end: how the run before this one, or the last one, ended; None where nobody knows of one.
        unit: the unit that runs, or would; None without systemd.
        pid_file: where it stands which process it is; None with systemd.
        listening: the declared ports, and who listens on them.
        unmanaged: who holds a port or the data without being of this manager; None where nobody does.
        waits_for: why it does not serve yet, where it says that it waits for its data; empty else.
        note: what is odd, in one sentence; empty where nothing is.
        reloads: whether it is exchanged whenever its source changes.
        hands_over: whether the next server can begin beside it and take over without a refused connection.
    """

    manager: ManagerKind
    running: bool
    pids: tuple[int, ...] = ()
    since: datetime | None = None
    restarts: int | None = None
    last_end: ServiceEnd | None = None
    unit: str | None = None
    pid_file: PurePosixPath | None = None
    listening: tuple[Listening, ...] = ()
    unmanaged: PortHolder | None = None
    waits_for: str = ""
    note: str = ""
    reloads: bool = False
    hands_over: bool = False

    @property
    def pid(self) -> int | None:
        """The server's own process."""
        return self.pids[0] if self.pids else None

    def as_json(self) -> dict[str, object]:
        return {
            "manager": self.manager,
            "running": self.running,
            "pids": list(self.pids),
            "since": self.since.isoformat(timespec="seconds") if self.since else None,
            "restarts": self.restarts,
            "last_end": self.last_end.as_json() if self.last_end else None,
            "unit": self.unit,
            "pid_file": str(self.pid_file) if self.pid_file else None,
            "listening": [one.as_json() for one in self.listening],
            "unmanaged": self.unmanaged.as_json() if self.unmanaged else None,
            "waits_for": self.waits_for,
            "note": self.note,
            "reloads": self.reloads,
        }


def find_unmanaged(
    listening: tuple[Listening, ...], pids: tuple[int, ...], *, sees_them: bool = True
) -> PortHolder | None:
    """Who listens on a declared port and is none of these processes; the one that holds the socket for them is none.

    Args:
        listening: who listens.
        pids: of the server.
        sees_them: whether this user may see what those processes hold; if not, an unknown holder is one of them.
    """
    for one in listening:
        if any(holder.pid in pids for holder in one.holders):
            continue
        for holder in one.holders:
            if holder.pid != INIT and (holder.pid is not None or sees_them or not pids):
                return holder
    return None


def find_impostor(state: ServiceState, answer: HealthAnswer, now: datetime) -> str | None:
    """Why an answer is not that of the running server, in words; None where it is.

    An old process that still answers on the port must not be taken for the one that was just started.

    Args:
        state: of the server, asked after the answer came.
        answer: what came.
        now: when it came.
    """
    if not state.running:
        return "another process answers in its place"
    if state.unmanaged is not None:
        return f"{state.unmanaged} answers in its place"
    uptime = answer.payload.get("uptime_seconds")
    if state.since is None or not isinstance(uptime, int | float) or isinstance(uptime, bool):
        return None
    if uptime > (now - state.since).total_seconds() + SLACK:
        return f"a server that has been up for {uptime:.0f} s answers, which began before this one"
    return None


def shown_command(words: tuple[str, ...]) -> str:
    """A command on one line, for sentences."""
    return " ".join(shlex.join(words).split())
