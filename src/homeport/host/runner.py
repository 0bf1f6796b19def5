"""How programs of a release are run on a copy of data: as this process would run them, or enclosed."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from typing import BinaryIO, Final, Protocol

from homeport.host.commands import Finished, run_command

_GRACE: Final = 30.0


class Runner(Protocol):
    """Runs them."""

    def run(self, command: Sequence[str], *, seconds: float) -> Finished:
        """Runs a command to its end; as :func:`run_command`."""

    def start(self, command: Sequence[str], log: BinaryIO) -> subprocess.Popen[bytes]:
        """Starts a server, which ends with this process; what it says on stderr goes into the log."""

    def end(self, process: subprocess.Popen[bytes]) -> None:
        """Ends it."""


class PlainRunner:
    """As children of this process."""

    def run(self, command: Sequence[str], *, seconds: float) -> Finished:
        return run_command(command, seconds=seconds)

    def start(self, command: Sequence[str], log: BinaryIO) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*command, "--with-parent", str(os.getpid())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
        )

    def end(self, process: subprocess.Popen[bytes]) -> None:
        process.terminate()
        try:
            process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
