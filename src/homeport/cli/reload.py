"""What ``homeport start ENV --reload`` keeps running: a server that is exchanged when its source changes."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path, PurePosixPath

from homeport.environments.declaration import Declaration
from homeport.environments.environment import Environment
from homeport.environments.services.commands import serve_command
from homeport.environments.services.steps import HEALTH_SECONDS
from homeport.host.services.reloading import Reloader, stopped_by_signal
from homeport.host.services.successors import ForeignSuccessors, OwnSuccessors, Successors


def run(declaration: Declaration, environment: Environment) -> int:
    """Serves, and exchanges the server for every change, until SIGTERM.

    Raises:
        HomeportError: the first server does not come up.
    """
    stop = stopped_by_signal()
    with tempfile.TemporaryDirectory(prefix="homeport-reload-") as directory:
        successors: Successors
        if environment.is_foreign:
            successors = ForeignSuccessors(environment, HEALTH_SECONDS, stop.is_set)
        else:
            command = serve_command(environment, PurePosixPath(declaration.file), PurePosixPath(sys.executable))
            successors = OwnSuccessors(environment, command, Path(directory), HEALTH_SECONDS, stop.is_set)
        return Reloader(environment, tuple(declaration.environments.values()), successors, stop, _say).run()


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
