"""Servers as units of systemd: one socket, two slots of a template of which one serves."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import psutil

from homeport.contract import ExitCode
from homeport.environments.environment import Environment
from homeport.environments.machine.units import socket_units
from homeport.environments.services.state import ManagerKind, ServiceEnd, ServiceState, find_unmanaged
from homeport.errors import CannotStartError, GuardError, HomeportError
from homeport.host.commands import Finished, run_command
from homeport.host.ports import find_listening
from homeport.host.services.keeper import END_LINES, last_words
from homeport.host.services.show import PROPERTIES, Unit, latest, parse_show

SLOTS: Final = ("blue", "green")
LONGEST_LINE: Final = 400
_CGROUPS: Final = Path("/sys/fs/cgroup")
_START_SECONDS: Final = 180.0
_HINT: Final = "Units are started and stopped by root: sudo homeport …, or be allowed to by polkit."


class SystemdManager:
    """Asks ``systemctl`` and ``journalctl``, which must be those of the machine that this runs on."""

    kind: ManagerKind = "systemd"

    def state(self, environment: Environment) -> ServiceState:
        slots, _ = self._units(environment)
        unit = latest(slots)
        listening = find_listening(environment.ports)
        up = [slot for slot in slots if slot.is_up]
        pids = tuple(dict.fromkeys(pid for slot in sorted(up, key=lambda one: -one.began) for pid in _pids_of(slot)))
        unmanaged = find_unmanaged(listening, pids, sees_them=os.geteuid() == 0)
        if unit is None:
            note = f"There is no unit {environment.service_unit}; homeport provision {environment.name} makes it."
            return ServiceState(manager="systemd", running=False, listening=listening, unmanaged=unmanaged, note=note)
        boot = _boot()
        reload = unit.properties.get("NeedDaemonReload") == "yes"
        return ServiceState(
            manager="systemd",
            running=unit.is_up,
            pids=pids,
            since=boot + timedelta(microseconds=unit.began) if unit.is_up and unit.began else None,
            restarts=unit.restarts,
            last_end=end_of(unit),
            unit=unit.id,
            listening=listening,
            unmanaged=unmanaged,
            note=f"{unit.id} was changed on disk and not reloaded (systemctl daemon-reload)." if reload else "",
        )

    def start(self, environment: Environment, *, reload: bool = False) -> None:
        if reload:
            raise GuardError(f"{environment.name} is run by systemd, which does not look at its source.")
        state = self.state(environment)
        if state.running:
            return
        if state.unit is None:
            raise HomeportError(state.note or f"There is no unit {environment.service_unit}.")
        if state.unmanaged is not None:
            raise CannotStartError(
                f"A port of {environment.name} is held by {state.unmanaged}.",
                "Stop that process first; homeport adopt takes a server over that was started by hand.",
                holder=state.unmanaged.as_json(),
            )
        # A unit that has failed too often is refused until somebody says that it may try again.
        run_command(["systemctl", "reset-failed", state.unit], seconds=30)
        done = _systemctl(["start", *self._sockets(environment), state.unit])
        if done.code != 0:
            end = self.state(environment).last_end
            if end is not None and end.code == ExitCode.CANNOT_START:
                raise CannotStartError(
                    f"{state.unit} could not be started: it {end}", f"homeport logs {environment.name} shows more."
                )
            raise _refused(f"{state.unit} could not be started", done, f"it {end}" if end is not None else "")

    def stop(self, environment: Environment) -> None:
        slots, _ = self._units(environment)
        # The sockets first: the next connection would start it again.
        names = [*self._sockets(environment), *(slot.id for slot in slots)]
        if not names:
            return
        done = _systemctl(["stop", *names])
        if done.code != 0:
            raise _refused(f"The server of {environment.name} could not be stopped", done)

    def restart(self, environment: Environment) -> None:
        self.stop(environment)
        self.start(environment)

    def logs(self, environment: Environment, lines: int, *, follow: bool = False) -> Iterator[str]:
        command = ["journalctl", "--quiet", "--no-pager", "--output", "cat", "--lines", str(lines)]
        for slot in SLOTS:
            command += ["--unit", environment.slot_unit(slot)]
        if follow:
            yield from _following([*command, "--follow"])
            return
        done = run_command(command, seconds=60)
        if done.code != 0:
            raise HomeportError(f"The journal of {environment.unit} cannot be read: {done.last_words}.")
        yield from done.output.splitlines()

    def _units(self, environment: Environment) -> tuple[list[Unit], list[Unit]]:
        """The slots that there are, and the sockets that there are."""
        names = [environment.slot_unit(slot) for slot in SLOTS]
        slots = show_units(names)
        sockets = list(dict.fromkeys([*socket_units(environment), *(name for slot in slots for name in slot.sockets)]))
        return [slot for slot in slots if slot.is_loaded], [unit for unit in show_units(sockets) if unit.is_loaded]

    def _sockets(self, environment: Environment) -> list[str]:
        return [unit.id for unit in self._units(environment)[1]]


def show_units(units: Sequence[str]) -> list[Unit]:
    """What systemd says of units, in the order in which they are named.

    Raises:
        HomeportError: it does not answer.
    """
    done = run_command(["systemctl", "show", "--property", ",".join(PROPERTIES), "--", *units], seconds=30)
    if done.code != 0:
        raise HomeportError(f"systemd does not answer: {done.last_words}.")
    return parse_show(done.output)


def end_of(unit: Unit) -> ServiceEnd | None:
    """How a unit's last run ended, with its last line where it failed; None where none did."""
    return unit.end(_boot(), _signal_name(unit.status), _last_line(unit) if unit.has_failed else "")


def _boot() -> datetime:
    return datetime.fromtimestamp(psutil.boot_time(), UTC)


def _systemctl(arguments: Sequence[str]) -> Finished:
    return run_command(["systemctl", "--no-ask-password", *arguments], seconds=_START_SECONDS)


def _refused(what: str, done: Finished, line: str = "") -> HomeportError:
    said = line or done.last_words
    return HomeportError(f"{what}: {said}" if said else f"{what}.", "" if os.geteuid() == 0 else _HINT)


def _last_line(unit: Unit) -> str:
    """What its last run said last; what systemd says of it is not counted."""
    if unit.never_ran or not unit.invocation:
        return ""
    match = f"_SYSTEMD_INVOCATION_ID={unit.invocation}"
    done = run_command(
        ["journalctl", "--quiet", "--no-pager", "--output", "cat", "--lines", str(END_LINES), match], seconds=60
    )
    return last_words(done.output)[:LONGEST_LINE]


def _pids_of(unit: Unit) -> list[int]:
    """The main process, then the others of its control group."""
    others: list[int] = []
    with suppress(OSError, ValueError):
        text = (_CGROUPS / unit.cgroup.lstrip("/") / "cgroup.procs").read_text(encoding="ascii")
        others = [int(line) for line in text.split()]
    return list(dict.fromkeys([unit.pid, *others]))


def _following(command: Sequence[str]) -> Iterator[str]:
    with subprocess.Popen(list(command), stdout=subprocess.PIPE, stdin=subprocess.DEVNULL) as process:
        try:
            if process.stdout is not None:
                for line in process.stdout:
                    yield line.decode("utf-8", "replace").rstrip("\r\n")
        finally:
            process.terminate()


def _signal_name(number: str) -> str | None:
    with suppress(ValueError):
        return signal.Signals(int(number)).name
    return None
