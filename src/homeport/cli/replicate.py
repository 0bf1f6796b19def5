"""``homeport replicate ENV``: what a unit's ExecStart runs where a replica is declared."""

from __future__ import annotations

import signal
import sys
import threading
from argparse import Namespace

from homeport.cli.declared import declaration_of
from homeport.contract import ExitCode
from homeport.errors import UsageError
from homeport.host.parent import end_with_parent
from homeport.host.replication.keeping import ReplicaKeeper
from homeport.host.replication.litestream import find_litestream


def run(arguments: Namespace) -> int:
    """Keeps a Litestream running until it is told to end.

    Raises:
        CannotStartError: there is no litestream, its directory is missing, or another one runs.
        UsageError: the environment declares no replica.
    """
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: over.set())
    if arguments.with_parent is not None:
        end_with_parent(arguments.with_parent)
    environment = declaration_of(arguments).environment(arguments.environment)
    if environment.replica_directory is None:
        raise UsageError(
            f"{environment.name} declares no replica.",
            f"continuous = /a/directory in [environments.{environment.name}.backup], on another disk.",
        )
    beside = arguments.with_parent is not None
    ReplicaKeeper(environment, find_litestream(environment), _tell, over, beside=beside).run()
    return ExitCode.DONE


def _tell(text: str) -> None:
    sys.stderr.write(f"homeport replicate: {text}\n")
    sys.stderr.flush()
