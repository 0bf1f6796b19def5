"""Runs a release on a copy of data in the very sandbox of the unit that it is to serve in, as that unit's user."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Final

import psutil

from homeport.environments.environment import Environment
from homeport.environments.machine.sandbox import sandbox
from homeport.environments.steps import Ownership
from homeport.host.commands import Finished, run_command
from homeport.host.machine.gathering import this_program
from homeport.host.machine.judging import in_sandbox, properties
from homeport.host.owners import set_owner

_STOP: Final = 60.0
_LEAST_MEMORY: Final = 512 << 20


class EnclosedRunner:
    """In transient units.

    Args:
        environment: whose sandbox.
        file: the declaration.
        unit: the name of the server's transient unit, without ``.service``.
        scratch: the only directory that is written.
    """

    def __init__(self, environment: Environment, file: Path, unit: str, scratch: PurePosixPath) -> None:
        self._settings = (
            *sandbox(environment, this_program(environment, file), (scratch,)),
            *(("Environment", f'"{name}={value}"') for name, value in environment.service.variables),
            # As the unit gets them: the password of a database is one.
            *(("LoadCredential", f"{name}:{file}") for name, file in environment.credentials),
        )
        self._owner = Ownership(environment.user, environment.user)
        self._unit = unit
        self._scratch = Path(scratch)

    def give(self) -> None:
        """Gives the scratch directory with all that is in it to the user whom the unit runs as."""
        for path in (self._scratch, *self._scratch.rglob("*")):
            set_owner(path, self._owner)

    def run(self, command: Sequence[str], *, seconds: float) -> Finished:
        return in_sandbox(self._settings, command, seconds=seconds)

    def start(self, command: Sequence[str], log: BinaryIO) -> subprocess.Popen[bytes]:
        # A release that eats memory must not take that of the server that serves.
        limit = max(_LEAST_MEMORY, psutil.virtual_memory().available // 2)
        settings = (
            *self._settings,
            ("RuntimeDirectory", self._unit),
            ("RuntimeDirectoryMode", "0700"),
            ("MemoryMax", str(limit)),
            ("MemorySwapMax", "0"),
            # Where the kernel counts no memory of units, as in some containers, this holds for the process.
            ("LimitDATA", str(limit)),
        )
        options = ("--wait", "--pipe", "--collect", f"--unit={self._unit}")
        return subprocess.Popen(
            ["systemd-run", *options, *properties(settings), "--", *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
        )

    def end(self, process: subprocess.Popen[bytes]) -> None:
        stop_unit(self._unit)
        process.wait(_STOP)


def stop_unit(unit: str) -> None:
    """Ends the server of a rehearsal, if one was left."""
    run_command(["systemctl", "stop", f"{unit}.service"], seconds=_STOP)
