"""Reads what ``systemctl show`` says of units: ``Key=value`` lines, and an empty line between two units. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from homeport.contract.database import WAITING
from homeport.environments.services.state import ServiceEnd

PROPERTIES: Final = (
    *("Id", "LoadState", "ActiveState", "SubState", "Result", "UnitFileState", "MainPID", "NRestarts"),
    *("ExecMainCode", "ExecMainStatus", "ExecMainExitTimestampMonotonic", "ActiveEnterTimestampMonotonic"),
    *("Job", "ExecMainStartTimestampMonotonic", "ControlGroup", "TriggeredBy", "NeedDaemonReload", "InvocationID"),
    "StatusText",
)
_EXITED: Final = "1"
"""``CLD_EXITED`` of wait(2); 2 and 3 are signals."""
_BEFORE_THE_PROGRAM: Final = {
    "200": "200/CHDIR: its working directory cannot be entered",
    "203": "203/EXEC: its program cannot be run",
    "216": "216/GROUP: there is no such group",
    "217": "217/USER: there is no such user",
    "226": "226/NAMESPACE: a path that its sandbox names is missing",
    "238": "238/STATE_DIRECTORY: its state directory cannot be made",
    "243": "243/CREDENTIALS: a credential cannot be read",
}
"""Exit codes with which systemd says that the program never ran."""


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit, as systemd sees it."""

    properties: Mapping[str, str]

    @property
    def id(self) -> str:
        return self.properties.get("Id", "")

    @property
    def is_loaded(self) -> bool:
        """Whether it is there at all."""
        return self.properties.get("LoadState") == "loaded"

    @property
    def is_up(self) -> bool:
        """Whether it has a process that serves, begins to, or is being ended."""
        return self.properties.get("ActiveState") not in ("inactive", "failed", None) and self.pid != 0

    @property
    def is_active(self) -> bool:
        """Whether it has said that it is ready, and was not told to end since."""
        return self.properties.get("ActiveState") == "active"

    @property
    def is_starting(self) -> bool:
        """Whether its program was started and has not yet said that it is ready."""
        return self.properties.get("SubState") in ("start-pre", "start", "start-post")

    @property
    def waits_for(self) -> str:
        """Why its program has not begun to serve, where it says that it waits for its data; empty else."""
        said = self.properties.get("StatusText", "")
        return said.removeprefix(WAITING) if self.is_starting and said.startswith(WAITING) else ""

    @property
    def is_at_rest(self) -> bool:
        """Whether it neither runs, nor is about to."""
        return self.properties.get("ActiveState") in ("inactive", "failed") and not self.has_job

    @property
    def has_job(self) -> bool:
        """Whether systemd is about to do something with it."""
        return _number(self.properties.get("Job", "")) != 0

    @property
    def is_enabled(self) -> bool:
        return self.properties.get("UnitFileState", "").startswith("enabled")

    @property
    def pid(self) -> int:
        """Of its main process; 0 for none."""
        return _number(self.properties.get("MainPID", ""))

    @property
    def restarts(self) -> int:
        return _number(self.properties.get("NRestarts", ""))

    @property
    def cgroup(self) -> str:
        return self.properties.get("ControlGroup", "")

    @property
    def sockets(self) -> list[str]:
        """The socket units that start it."""
        return [name for name in self.properties.get("TriggeredBy", "").split() if name.endswith(".socket")]

    @property
    def began(self) -> int:
        """Microseconds since boot at which its main process began; 0 where none did."""
        return _number(self.properties.get("ExecMainStartTimestampMonotonic", ""))

    @property
    def ended(self) -> int:
        """Microseconds since boot at which its main process ended; 0 while it runs, or never did."""
        return _number(self.properties.get("ExecMainExitTimestampMonotonic", ""))

    def end(self, boot: datetime, signal_name: str | None, line: str) -> ServiceEnd | None:
        """How its last run ended; None where none did.

        Args:
            boot: when the machine started.
            signal_name: of the signal that :attr:`status` is the number of, if it is one.
            line: the last line of its log.
        """
        result = self.properties.get("Result", "success")
        if self.is_up or (self.ended == 0 and result == "success"):
            return None
        by_signal = self.is_by_signal
        cause = _BEFORE_THE_PROGRAM.get(self.status, "" if result in ("success", "exit-code", "signal") else result)
        return ServiceEnd(
            code=None if by_signal or self.ended == 0 else _number(self.status),
            signal=signal_name if by_signal else None,
            asked=result == "success",
            at=boot + timedelta(microseconds=self.ended) if self.ended else None,
            line=line,
            cause=cause,
        )

    @property
    def has_failed(self) -> bool:
        """Whether it does not run, and did not end as it should."""
        return not self.is_up and self.properties.get("Result", "success") not in ("success", "")

    @property
    def never_ran(self) -> bool:
        """Whether its program did not even begin, because of how the unit is written."""
        return self.status in _BEFORE_THE_PROGRAM

    @property
    def invocation(self) -> str:
        """The id of its last run, by which the journal knows what that run said."""
        return self.properties.get("InvocationID", "")

    @property
    def status(self) -> str:
        """The exit code or the number of the signal that ended its main process."""
        return self.properties.get("ExecMainStatus", "")

    @property
    def is_by_signal(self) -> bool:
        return self.ended != 0 and self.properties.get("ExecMainCode", _EXITED) not in (_EXITED, "0")


def parse_show(text: str) -> list[Unit]:
    """The units, in the order in which they were asked for."""
    units = []
    for block in text.strip("\n").split("\n\n"):
        pairs = (line.partition("=") for line in block.split("\n") if "=" in line)
        properties = {key: value for key, _, value in pairs}
        if properties:
            units.append(Unit(properties))
    return units


def latest(units: list[Unit]) -> Unit | None:
    """The slot that serves; else the one that did last; else the enabled one, else the first."""
    if not units:
        return None
    up = [unit for unit in units if unit.is_up]
    ran = [unit for unit in units if unit.began or unit.ended]
    if up or ran:
        return max(up or ran, key=lambda unit: max(unit.began, unit.ended))
    return next((unit for unit in units if unit.is_enabled), units[0])


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 0
