"""Servers as plain processes of whoever starts them: for machines without systemd, and users without root."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from secrets import token_hex
from typing import Any, Final

import psutil

from homeport.environments.environment import Environment
from homeport.environments.machine.units import SLOTS
from homeport.environments.services.commands import reload_command, serve_command
from homeport.environments.services.state import (
    ManagerKind,
    PortHolder,
    ServiceEnd,
    ServiceState,
    find_unmanaged,
)
from homeport.errors import CannotStartError, HomeportError
from homeport.host.lock_text import read_lock_text
from homeport.host.ports import check_ports, describe_process, find_listening, listening_sockets
from homeport.host.services import keeper
from homeport.host.services.control import CONTROL, Control, runtime_directory
from homeport.host.services.log_file import following, last_lines
from homeport.host.services.notes import read_trouble
from homeport.host.services.pid_file import (
    MARK,
    Member,
    Started,
    birth_of,
    members_of,
    read_started,
    send,
    signal_name,
    write_started,
)
from homeport.host.services.process_slots import ProcessSlots, server_order

GRACE: Final = 40.0
"""Seconds between SIGTERM and SIGKILL."""
LOG_LIMIT: Final = 10 << 20
LOGS_KEPT: Final = 5
_AFTER_KILL: Final = 10.0
_BETWEEN: Final = 0.05


class ProcessManager:
    """A keeper process for each server; see :mod:`.keeper`. It does not start a server again that has ended.

    Args:
        file: the declaration, absolute.
        python: the interpreter that Homeport is installed for.
        grace: seconds between SIGTERM and SIGKILL.
        now: the clock.
        pause: waits for so many seconds.
    """

    kind: ManagerKind = "processes"

    def __init__(
        self,
        file: PurePosixPath,
        python: PurePosixPath,
        *,
        grace: float = GRACE,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._file = file
        self._python = python
        self._grace = grace
        self._now = now
        self._pause = pause

    def state(self, environment: Environment) -> ServiceState:
        started, note = _started(environment)
        end = _read_end(environment)
        running, members = False, list[Member]()
        if started is not None:
            members = members_of(started)
            keeper_runs = started.keeper_runs
            has_ended = end is not None and end[0] == started.mark
            running = (keeper_runs or bool(members)) and not has_ended
            note = note or _oddity(started, members, keeper_runs=keeper_runs, has_ended=has_ended)
            if running and not members:
                members = [Member(started.pid, started.birth)]
        pids = tuple(member.pid for member in members)
        reloads = started is not None and running and started.reload
        listening = find_listening(environment.ports)
        # The keeper has the sockets too, for whoever serves next.
        own = pids if started is None or not started.keeper_runs else (*pids, started.pid)
        return ServiceState(
            manager="processes",
            running=running,
            pids=pids,
            since=_since(started, members) if started is not None and running else None,
            last_end=end[1] if end is not None else None,
            pid_file=environment.pid_file,
            listening=listening,
            unmanaged=find_unmanaged(listening, own, sees_them=_may_see(own)) or _data_holder(environment, own),
            note=note or (read_trouble(Path(environment.reload_file)) if reloads else ""),
            reloads=reloads,
            hands_over=started is not None and running and _hands_over(environment, started),
        )

    def slots(self, environment: Environment) -> ProcessSlots:
        return ProcessSlots(
            environment,
            self._file,
            connect=lambda: _connected(environment),
            launch=lambda target, slot: self._launch(environment, target=target, slot=slot),
            halt=lambda: self.stop(environment),
            grace=self._grace,
            pause=self._pause,
        )

    def start(self, environment: Environment, *, reload: bool = False) -> None:
        state = self.state(environment)
        if state.running:
            return
        started, _ = _started(environment)
        if started is not None:
            self.stop(environment)
        check_ports(environment.listen, environment.ports)
        holder = _data_holder(environment, ())
        if holder is not None:
            raise CannotStartError(
                f"The data of {environment.name} are in use by {holder}.",
                "One server at a time has them open: stop that one first.",
                holder=holder.as_json(),
            )
        try:
            self._launch(environment, reload=reload)
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            raise HomeportError(
                f"The server of {environment.name} could not be started: {where}{error.strerror}.",
                "homeport init makes the directories that are missing.",
            ) from error

    def stop(self, environment: Environment) -> None:
        started, _ = _started(environment)
        if started is None:
            return
        try:
            self._end(environment, started)
        except PermissionError:
            raise HomeportError(
                f"The server of {environment.name} (process {started.pid}) is another user's.",
                "Stop it as that user, or as root.",
            ) from None
        Path(environment.pid_file).unlink(missing_ok=True)

    def restart(self, environment: Environment) -> None:
        reload = self.state(environment).reloads
        self.stop(environment)
        self.start(environment, reload=reload)

    def logs(self, environment: Environment, lines: int, *, follow: bool = False) -> Iterator[str]:
        file = Path(environment.log_file)
        coming = following(file, lambda: self._pause(4 * _BETWEEN)) if follow else iter(())
        yield from last_lines(file, lines)
        yield from coming

    def _launch(
        self,
        environment: Environment,
        *,
        reload: bool = False,
        target: PurePosixPath | None = None,
        slot: str = SLOTS[0],
    ) -> None:
        """Starts a keeper and its first server, which hands over to the next ones where it is Homeport's own."""
        mark = token_hex(16)
        order: dict[str, Any] = {
            "log": str(environment.log_file),
            "end": str(environment.end_file),
            "limit": LOG_LIMIT,
            "kept": LOGS_KEPT,
            "mark": mark,
        }
        with ExitStack() as stack:
            control, listens = "", tuple[str, ...]()
            if reload or environment.is_foreign:
                command = reload_command if reload else serve_command
                order["command"] = command(environment, self._file, self._python)
            else:
                sockets = [stack.enter_context(one) for one in listening_sockets(environment)]
                given = [one.fileno() for one in sockets]
                runtime = runtime_directory(environment)
                wanted = target or self._python.parent.parent
                order |= {"sockets": given, "runtime": str(runtime)}
                order |= server_order(environment, self._file, slot, wanted, runtime, given)
                control, listens = str(runtime / CONTROL), _addresses(environment)
            variables = {**os.environ, **dict(environment.service.variables), MARK: mark}
            log = stack.enter_context(Path(environment.log_file).open("ab"))
            # Leaving the block closes its stdin: a keeper that was not told to begin by then never will.
            process = stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-I", "-S", str(keeper.__file__), json.dumps(order)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    cwd=environment.service.working_directory,
                    env=variables,
                    pass_fds=order.get("sockets", ()),
                )
            )
            said = process.stdout.readline() if process.stdout else b""
            pid = int(said) if said.strip().isdigit() else 0
            birth = birth_of(pid) if pid else None
            if birth is None:
                raise HomeportError(f"The server of {environment.name} could not be started: its keeper ended at once.")
            at = self._now().isoformat(timespec="milliseconds")
            started = Started(environment.name, pid, birth, mark, at, reload, control, listens)
            write_started(Path(environment.pid_file), started)
            if process.stdin:
                process.stdin.write(b"\n")

    def _end(self, environment: Environment, started: Started) -> None:
        if started.keeper_runs:
            send(started.pid, started.birth, signal.SIGTERM)
        else:
            _send_all(members_of(started), signal.SIGTERM)
        if self._gone(started, self._grace, lambda: self._end_rest(environment, started)):
            return
        _send_all(members_of(started), signal.SIGKILL)
        if self._gone(started, _AFTER_KILL):
            return
        send(started.pid, started.birth, signal.SIGKILL)
        if not self._gone(started, _AFTER_KILL):
            left = ", ".join(str(member.pid) for member in members_of(started)) or str(started.pid)
            raise HomeportError(
                f"The server of {environment.name} does not end, not even when it is killed: process {left}.",
                "It waits for a disk or a network file system; the kernel's log (dmesg) may say which.",
            )

    def _end_rest(self, environment: Environment, started: Started) -> None:
        """What the server had started and did not end with it."""
        end = _read_end(environment)
        if end is not None and end[0] == started.mark:
            _send_all(members_of(started), signal.SIGTERM)

    def _gone(self, started: Started, seconds: float, meanwhile: Callable[[], None] = lambda: None) -> bool:
        for _ in range(max(1, int(seconds / _BETWEEN))):
            if not started.keeper_runs and not members_of(started):
                return True
            meanwhile()
            self._pause(_BETWEEN)
        return False


def _send_all(members: list[Member], number: signal.Signals) -> None:
    for member in members:
        send(member.pid, member.birth, number)


def _started(environment: Environment) -> tuple[Started | None, str]:
    """What the pid file says, as far as it speaks of this environment, and else why it is not believed."""
    try:
        started = read_started(Path(environment.pid_file))
    except HomeportError as error:
        return None, f"{error.sentence} What it names is left alone."
    except OSError as error:
        return None, f"{environment.pid_file} cannot be read: {error.strerror}."
    if started is not None and started.environment != environment.name:
        return None, f"{environment.pid_file} is of {started.environment}, not of {environment.name}."
    return started, ""


def _hands_over(environment: Environment, started: Started) -> bool:
    """Whether the keeper runs and has the very sockets that are declared."""
    return bool(started.control) and started.keeper_runs and started.listens == _addresses(environment)


def _addresses(environment: Environment) -> tuple[str, ...]:
    return tuple(f"{environment.listen}:{port}" for port in environment.ports.values())


def _connected(environment: Environment) -> Control | None:
    started, _ = _started(environment)
    if started is None or not _hands_over(environment, started):
        return None
    try:
        return Control(Path(started.control))
    except (OSError, HomeportError):
        return None


def _since(started: Started, members: list[Member]) -> datetime:
    """When the server began that serves; its keeper may be much older."""
    with suppress(psutil.Error, IndexError):
        return datetime.fromtimestamp(psutil.Process(members[0].pid).create_time(), UTC)
    return datetime.fromisoformat(started.at)


def _oddity(started: Started, members: list[Member], *, keeper_runs: bool, has_ended: bool) -> str:
    if has_ended and members:
        return f"The server has ended, and process {members[0].pid}, which it had started, goes on."
    if keeper_runs or has_ended:
        return ""
    if members:
        return f"The process that kept it ({started.pid}) is gone: nothing more is logged until it is restarted."
    if birth_of(started.pid) is not None:
        return f"The pid file is stale: {started.pid} is another process by now, which is left alone."
    return f"The pid file is stale: process {started.pid} is gone, and nobody saw how it ended."


def _read_end(environment: Environment) -> tuple[str, ServiceEnd] | None:
    """How the last run ended, and its mark."""
    try:
        found = json.loads(Path(environment.end_file).read_bytes())
        code = int(found["code"])
        end = ServiceEnd(
            code=code if code >= 0 else None,
            signal=signal_name(-code) if code < 0 else None,
            asked=bool(found["asked"]),
            at=datetime.fromisoformat(found["at"]),
            line=str(found["line"]),
        )
        return str(found["mark"]), end
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _may_see(pids: tuple[int, ...]) -> bool:
    """Whether this user may see which sockets the processes hold."""
    try:
        return os.geteuid() == 0 or all(psutil.Process(pid).uids().real == os.geteuid() for pid in pids)
    except psutil.Error:
        return True


def _data_holder(environment: Environment, pids: tuple[int, ...]) -> PortHolder | None:
    """Who has the data directory open and is none of these processes."""
    holder = read_lock_text(Path(environment.lock_file))
    return None if holder is None or holder.pid in pids else describe_process(holder.pid)
