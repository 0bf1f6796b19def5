"""Ends processes that were started by hand, and starts them again as they were."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import psutil

from homeport.environments.adoption.steps import (
    ForgetProcess,
    KeepProcess,
    RestoreProcess,
    StopProcess,
    StopRestored,
)
from homeport.environments.steps import RemoveFile, Step
from homeport.errors import HomeportError
from homeport.files import sync_directory
from homeport.host.adoption import reviving
from homeport.host.adoption.kept import KeptProcess, family_of, listened_on, look_closely, started_ticks
from homeport.host.hands import Hands
from homeport.host.machine.owning import give_back
from homeport.host.ports import find_listening

_PAUSE: Final = 0.01
_KILLED: Final = 10.0
"""Seconds that the kernel has to end what was killed."""


class ProcessKeeper:
    """:class:`KeepProcess`."""

    def inverse(self, step: KeepProcess) -> tuple[Step, ...]:
        return (RemoveFile(step.file),)

    def apply(self, step: KeepProcess) -> None:
        look_closely(step.pid, step.started).write(Path(step.file))


class ProcessStopper:
    """:class:`StopProcess`."""

    def inverse(self, step: StopProcess) -> tuple[Step, ...]:
        return (RestoreProcess(step.file, step.data, step.other_user),)

    def apply(self, step: StopProcess) -> None:
        end_process(step.pid, step.started, step.seconds)


class ProcessRestorer:
    """:class:`RestoreProcess`."""

    def inverse(self, step: RestoreProcess) -> tuple[Step, ...]:
        return (StopRestored(step.file),)

    def apply(self, step: RestoreProcess) -> None:
        file = Path(step.file)
        kept = KeptProcess.read(file)
        if started_ticks(kept.pid) == kept.started:
            return
        holders = _holders(kept.ports)
        if any(_is_twin(pid, kept) for pid in holders):
            return
        if holders:
            raise HomeportError(
                f"Process {holders[0]} listens on port {kept.ports[0]}, where the server that was started by hand did."
            )
        give_back(Path(step.data), step.other_user)
        started = _start(file)
        try:
            pid = started.pid
            kept = kept.as_of(pid, started_ticks(pid) or 0)
            kept.write(file)
            _wait(lambda: set(kept.ports) <= set(listened_on(pid)), step.seconds, started)
        except HomeportError:
            started.poll()
            raise


class RestoredStopper:
    """:class:`StopRestored`."""

    def inverse(self, step: StopRestored) -> tuple[Step, ...]:
        return ()

    def apply(self, step: StopRestored) -> None:
        kept = KeptProcess.read(Path(step.file))
        end_process(kept.pid, kept.started, step.seconds)


class ProcessForgetter:
    """:class:`ForgetProcess`."""

    def inverse(self, step: ForgetProcess) -> tuple[Step, ...]:
        return ()

    def apply(self, step: ForgetProcess) -> None:
        Path(step.file).unlink(missing_ok=True)
        sync_directory(Path(step.file.parent))


PROCESS_HANDS: Final[Hands] = {
    KeepProcess: ProcessKeeper(),
    StopProcess: ProcessStopper(),
    RestoreProcess: ProcessRestorer(),
    StopRestored: RestoredStopper(),
    ForgetProcess: ProcessForgetter(),
}


def end_process(pid: int, started: int, seconds: float) -> None:
    """Asks a process to end, and kills it and its children where it has not after so many seconds.

    Args:
        pid: of the process.
        started: when it began; another process of that number is left alone.
        seconds: that it has.

    Raises:
        HomeportError: it cannot be ended.
    """
    family = family_of(pid)
    if not family or started_ticks(pid) != started:
        return
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        # What the handle is of cannot change any more.
        if started_ticks(pid) != started:
            return
        signal.pidfd_send_signal(handle, signal.SIGTERM)
    finally:
        os.close(handle)
    left = _left(family, seconds)
    for process in left:
        _kill(process)
    if left and _left(left, _KILLED):
        raise HomeportError(f"Process {pid} cannot be ended: the kernel does not let go of it.")


def _left(family: Sequence[psutil.Process], seconds: float) -> list[psutil.Process]:
    until = time.monotonic() + seconds
    left = list(family)
    while left:
        # psutil compares the time of a process's beginning: a number that is used anew is another process.
        left = [one for one in left if one.is_running() and _state(one) != psutil.STATUS_ZOMBIE]
        if not left or time.monotonic() > until:
            break
        time.sleep(_PAUSE)
    return left


def _state(process: psutil.Process) -> str:
    try:
        return process.status()
    except psutil.Error:
        return str(psutil.STATUS_ZOMBIE)


def _kill(process: psutil.Process) -> None:
    try:
        process.kill()
    except psutil.NoSuchProcess:
        return


def _holders(ports: Sequence[int]) -> list[int]:
    listening = find_listening({str(port): port for port in ports})
    return [holder.pid for one in listening for holder in one.holders if holder.pid is not None]


def _is_twin(pid: int, kept: KeptProcess) -> bool:
    """Whether a process is the kept one, started again by a run that was killed before it could say so."""
    try:
        process = psutil.Process(pid)
        return any(one.cmdline() == list(kept.arguments) for one in (process, *process.parents()))
    except psutil.Error:
        return False


def _start(file: Path) -> subprocess.Popen[bytes]:
    """Starts it in a scope of its own, so that it does not end with whoever runs this."""
    scope = f"--unit=homeport-by-hand-{secrets.token_hex(4)}"
    alone = ["systemd-run", "--quiet", "--scope", "--collect", "--slice=user.slice", scope]
    revive = [sys.executable, "-I", "-S", str(Path(reviving.__file__)), str(file)]
    return subprocess.Popen(
        [*alone, *revive], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def _wait(condition: Callable[[], bool], seconds: float, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + seconds
    while not condition():
        if process.poll() is not None:
            raise HomeportError(
                f"What was started by hand ends with {process.returncode} when it is started again the same way."
            )
        if time.monotonic() > until:
            raise HomeportError(f"What was started by hand does not listen within {seconds:.0f} seconds.")
        time.sleep(_PAUSE)
