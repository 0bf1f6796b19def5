"""Talks to a keeper, which runs the servers of an environment without a service manager; see :mod:`.keeper`.

As long as the line to it is open, the keeper holds the listening sockets also while no server runs.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import tempfile
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from homeport.environments.environment import Environment
from homeport.errors import HomeportError

CONTROL: Final = "control"
"""The keeper's socket, in its directory."""
SECONDS: Final = 10.0
"""For one answer, which the keeper gives at once."""
_LARGEST: Final = 1 << 20
_LONGEST: Final = 80
"""Bytes of a directory in which sockets of any name of ours fit into the 104 that all systems allow."""


@dataclass(frozen=True, slots=True)
class Run:
    """A server that a keeper has started in a slot.

    Attributes:
        pid: of its process.
        number: of the start; a later one has a larger number.
        ready: whether it has said that it is ready, and not that it ends.
        code: how it ended, negative for a signal; None while it runs.
        line: the last line that it wrote; empty while it runs.
        asked: whether it was told to end.
        target: the directory that its program is in.
    """

    pid: int
    number: int
    ready: bool
    code: int | None
    line: str
    asked: bool
    target: str


class Control:
    """A line to a keeper; it is hung up when this object, or the process, is no more.

    Args:
        path: of the keeper's socket.

    Attributes:
        runtime: the keeper's directory for sockets.
        sockets: the descriptors of its listening sockets, as it knows them.
        broken: whether it has ended, or does not answer.

    Raises:
        OSError: nobody listens there.
        HomeportError: it does not answer.
    """

    def __init__(self, path: Path) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as one:
            one.settimeout(SECONDS)
            one.connect(str(path))
            self._descriptor = one.detach()
        weakref.finalize(self, os.close, self._descriptor)
        self.runtime = path.parent
        self.sockets: tuple[int, ...] = ()
        self.broken = False
        self.runs()

    def runs(self) -> Mapping[str, Run]:
        """What it has started last in each slot."""
        return self._ask({"do": "show"})

    def begin(self, slot: str, order: Mapping[str, Any]) -> Mapping[str, Run]:
        """Has it start a server in a slot where none runs."""
        return self._ask({**order, "do": "begin", "slot": slot})

    def end(self, slot: str, number: signal.Signals) -> Mapping[str, Run]:
        """Sends a signal to the server of a slot, which is meant to end then."""
        return self._ask({"do": "end", "slot": slot, "signal": int(number)})

    def first(self, slot: str | None) -> None:
        """Says which slot is started again, should this process be gone while no server runs; None for no slot."""
        self._ask({"do": "first", "slot": slot})

    def _ask(self, question: Mapping[str, Any]) -> Mapping[str, Run]:
        data = b""
        try:
            with socket.socket(fileno=os.dup(self._descriptor)) as one:
                one.settimeout(SECONDS)
                one.sendall(json.dumps(question).encode() + b"\n")
                while not data.endswith(b"\n"):
                    some = one.recv(_LARGEST)
                    if not some:
                        raise OSError("it has ended")  # noqa: TRY301 - said as the others are
                    data += some
        except OSError as error:
            self.broken = True
            raise HomeportError(f"The process that keeps the server does not answer: {error}.") from None
        found = json.loads(data)
        self.sockets = tuple(found["sockets"])
        return {slot: Run(**run) for slot, run in found["slots"].items()}


def runtime_directory(environment: Environment) -> Path:
    """Makes the directory for a keeper's sockets, beside its data, or elsewhere where their names would be too long."""
    own = Path(environment.directory) / "run"
    if len(os.fsencode(own)) <= _LONGEST:
        own.mkdir(mode=0o700, exist_ok=True)
        own.chmod(0o700)
        return own
    return Path(tempfile.mkdtemp(prefix=f"homeport-{environment.name}-"))
