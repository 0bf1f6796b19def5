"""Slots of a server that runs as a plain process: its keeper holds the sockets, and starts and ends what it is told."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any, Final

from homeport.contract import HTTP_SOCKET, SSE_SOCKET
from homeport.environments.environment import Environment
from homeport.environments.machine.units import PROBE_SOCKET, SLOTS
from homeport.environments.services.commands import serve_command
from homeport.environments.services.state import ServiceEnd
from homeport.environments.steps import Step
from homeport.errors import HomeportError
from homeport.host.releases.current import python_of
from homeport.host.services import hand_over
from homeport.host.services.control import Control, Run
from homeport.host.services.pid_file import signal_name
from homeport.host.services.slots import Slot

_BETWEEN: Final = 0.02
_NOTHING: Final = Slot(name="", active=False, coming=False, began=0)


def server_order(
    environment: Environment,
    file: PurePosixPath,
    slot: str,
    target: PurePosixPath,
    runtime: Path,
    sockets: Sequence[int],
) -> dict[str, Any]:
    """What a keeper is told to start in a slot.

    Args:
        environment: whose server; Homeport's own.
        file: its declaration, absolute.
        slot: one of the two.
        target: the directory that its program is in.
        runtime: the keeper's directory for sockets.
        sockets: the descriptors that the keeper has.
    """
    launcher = (sys.executable, "-I", "-S", str(hand_over.__file__), ",".join(map(str, sockets)))
    command = serve_command(environment, file, target / "bin" / "python")
    words = ("--standby", "--also-socket", str(probe_of(runtime, slot)))
    names = (HTTP_SOCKET, SSE_SOCKET)[: len(sockets)]
    return {
        "slot": slot,
        "target": str(target),
        "command": [*launcher, *command, *words],
        "variables": {
            **os.environ,
            **dict(environment.service.variables),
            "LISTEN_FDNAMES": ":".join(names),
        },
        "directory": str(environment.service.working_directory),
    }


def probe_of(runtime: Path, slot: str) -> Path:
    """Where the server of a slot is asked."""
    return runtime / f"{slot}.{PROBE_SOCKET}"


def target_of(environment: Environment) -> PurePosixPath:
    """What serves, or would: the directory of the current release, or of what is installed."""
    return python_of(environment).parent.parent


class ProcessSlots:
    """The slots of one environment.

    Args:
        environment: whose; its server is Homeport's own.
        file: its declaration, absolute.
        connect: makes a line to its keeper; None where none runs that can hand over.
        launch: starts a server where none runs, with a keeper of its own: of a target, in a slot.
        halt: ends all that runs, where there is no line to it.
        grace: seconds between SIGTERM and SIGKILL.
        pause: waits for so many seconds.
    """

    first: str | None = None

    def __init__(
        self,
        environment: Environment,
        file: PurePosixPath,
        *,
        connect: Callable[[], Control | None],
        launch: Callable[[PurePosixPath, str], None],
        halt: Callable[[], None],
        grace: float,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._environment = environment
        self._file = file
        self._connect = connect
        self._launch = launch
        self._halt = halt
        self._grace = grace
        self._pause = pause
        self._line: Control | None = None
        self._pointed: dict[str, PurePosixPath] = {}

    def look(self) -> Mapping[str, Slot]:
        runs = self._runs()
        return {slot: self._seen(slot, runs[slot]) if slot in runs else _NOTHING for slot in SLOTS}

    def target(self, slot: str) -> PurePosixPath | None:
        run = self._runs().get(slot)
        if run is not None and run.code is None:
            return PurePosixPath(run.target)
        return self._pointed.get(slot) or target_of(self._environment)

    def point(self, slots: Iterable[str], target: PurePosixPath) -> None:
        self._pointed.update(dict.fromkeys(slots, target))

    def begin(self, slot: str) -> None:
        control, target = self._connected(), self._pointed.get(slot) or target_of(self._environment)
        if control is None:
            self._halt()
            self._launch(target, slot)
        else:
            control.begin(
                slot,
                server_order(self._environment, self._file, slot, target, control.runtime, control.sockets),
            )

    def begin_again(self, slot: str) -> None:
        self.stop([slot])
        self.begin(slot)

    def stop(self, slots: Iterable[str]) -> None:
        control = self._connected()
        if control is not None:
            for slot in slots:
                self._end(control, slot)

    def stand_ready(self, slot: str | None) -> None:
        control = self._connected()
        if control is not None:
            control.first(slot)

    def probe(self, slot: str) -> Path:
        control = self._connected()
        if control is None:
            raise HomeportError(f"The server of {self._environment.name} has ended, and what kept it.")
        return probe_of(control.runtime, slot)

    def end_of(self, slot: str) -> ServiceEnd | None:
        run = self._runs().get(slot)
        if run is None or run.code is None:
            return None
        by_signal = run.code < 0
        return ServiceEnd(
            code=None if by_signal else run.code,
            signal=signal_name(-run.code) if by_signal else None,
            asked=run.asked,
            line=run.line,
        )

    def back_to(self) -> tuple[Step, ...]:
        return ()

    def _end(self, control: Control, slot: str) -> None:
        run = control.runs().get(slot)
        if run is None or run.code is not None:
            return
        number = run.number
        for sign, seconds in ((signal.SIGTERM, self._grace), (signal.SIGKILL, self._grace)):
            control.end(slot, sign)
            for _ in range(max(1, int(seconds / _BETWEEN))):
                found = control.runs().get(slot)
                if found is None or found.number != number or found.code is not None:
                    return
                self._pause(_BETWEEN)
        raise HomeportError(
            f"The server of {self._environment.name} does not end, not even when it is killed: process {run.pid}.",
            "It waits for a disk or a network file system; the kernel's log (dmesg) may say which.",
        )

    def _seen(self, slot: str, run: Run) -> Slot:
        ended = run.code is not None
        return Slot(
            name=f"the server of {self._environment.name} (process {run.pid})",
            # It says itself that it ends a moment later, and whoever looks in between must not hand over to it.
            active=run.ready and not run.asked,
            coming=not ended and not run.ready and not run.asked,
            began=run.number,
            code=run.code if ended and run.code is not None and run.code >= 0 else None,
        )

    def _runs(self) -> Mapping[str, Run]:
        control = self._connected()
        with suppress(HomeportError):
            return {} if control is None else control.runs()
        # It ends once nothing runs any more.
        return {}

    def _connected(self) -> Control | None:
        if self._line is None or self._line.broken:
            self._line = self._connect()
        return self._line
