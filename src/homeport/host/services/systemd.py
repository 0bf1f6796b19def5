"""Servers as units of systemd: one socket, two slots of a template of which one serves."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Final

from homeport.contract import ExitCode
from homeport.environments.environment import Environment
from homeport.environments.machine.units import socket_units
from homeport.environments.services.state import ManagerKind, ServiceState, find_unmanaged
from homeport.errors import CannotStartError, GuardError, HomeportError
from homeport.host.commands import Finished, run_command, run_until
from homeport.host.ports import find_listening
from homeport.host.services.show import Unit, latest
from homeport.host.services.showing import boot, end_of, show_units, waits_for_data
from homeport.host.services.slots import SlotRunner
from homeport.host.services.systemd_slots import SystemdSlots

SLOTS: Final = ("blue", "green")
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
        booted = boot()
        reload = unit.properties.get("NeedDaemonReload") == "yes"
        return ServiceState(
            manager="systemd",
            running=unit.is_up,
            pids=pids,
            since=booted + timedelta(microseconds=unit.began) if unit.is_up and unit.began else None,
            restarts=unit.restarts,
            last_end=end_of(unit),
            unit=unit.id,
            waits_for=unit.waits_for,
            listening=listening,
            unmanaged=unmanaged,
            note=f"{unit.id} was changed on disk and not reloaded (systemctl daemon-reload)." if reload else "",
            hands_over=unit.is_up and not environment.is_foreign,
        )

    def slots(self, environment: Environment) -> SlotRunner:
        return SystemdSlots(environment)

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
        done = _start([*self._sockets(environment), state.unit], state.unit)
        if done is not None and done.code != 0:
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


def _systemctl(arguments: Sequence[str]) -> Finished:
    return run_command(["systemctl", "--no-ask-password", *arguments], seconds=_START_SECONDS)


def _start(names: Sequence[str], service: str) -> Finished | None:
    """Starts units; None where the service waits for its data: systemd goes on with it, for however long that is."""
    command = ["systemctl", "--no-ask-password", "start", *names]
    return run_until(command, lambda: waits_for_data(service), seconds=_START_SECONDS)


def _refused(what: str, done: Finished, line: str = "") -> HomeportError:
    said = line or done.last_words
    return HomeportError(f"{what}: {said}" if said else f"{what}.", "" if os.geteuid() == 0 else _HINT)


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
