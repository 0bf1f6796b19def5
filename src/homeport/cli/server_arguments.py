"""The arguments of ``homeport start``, ``stop``, ``restart``, ``status``, ``logs`` and ``log``."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from typing import Any, Final

_START: Final = """\
Starts an environment's server and waits until it is healthy itself: an old process that answers on its port is not
taken for it. By systemd where homeport provision has put its units, else as a plain process that goes on when this
command ends. If it does not come up, it is stopped again, and the last line of its log is told.
"""
_STOP: Final = """\
Stops an environment's server and waits until it has ended: SIGTERM, a bounded wait, SIGKILL. What was started by
somebody else is named and left alone, with exit code 3.
"""
_RESTART: Final = """\
Stops the server, starts it and waits until it is healthy.

--pull is for an environment that declares a git checkout: it is brought forward to its remote's branch, what the new
commit asks for is installed, and the server is restarted. If that fails, or the server does not come up, the checkout
goes back to the commit before, with what that one asks for, and the server too. A checkout with changes is refused.
"""
_STATUS: Final = """\
All environments side by side, or those that are named: version, health, who runs it, ports and who holds them, data,
backups. It changes nothing, and says what this user may not see.
"""
_LOG: Final = """\
What was done to environments by homeport, the latest last, from their journals: start, provision, backup and so on.
With an operation's id, that one with its steps. --verify checks that no record was changed or taken out; exit code 4
if one was.
"""


def add_servers(commands: Any, command: Callable[..., argparse.ArgumentParser]) -> None:  # noqa: ANN401
    """Adds the commands that change whether a server runs."""
    for action, line, text in (
        ("start", "start an environment's server and wait until it is healthy", _START),
        ("stop", "stop an environment's server", _STOP),
        ("restart", "restart an environment's server; with --pull from the newest commit", _RESTART),
    ):
        one = command(commands, action, line, text)
        one.add_argument("environment", metavar="ENV")
        one.add_argument(
            "--wait", metavar="SECONDS", type=seconds, default=60.0, help="how long it may take; 60 by default"
        )
        one.set_defaults(module="servers", action=action, pull=False)
        if action == "restart":
            one.add_argument("--pull", action="store_true", help="bring its git checkout forward first")
        one.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")


def add_looking(commands: Any, command: Callable[..., argparse.ArgumentParser]) -> None:  # noqa: ANN401
    """Adds the commands that only look."""
    status = command(commands, "status", "all environments side by side, as they are now", _STATUS)
    status.add_argument("environments", metavar="ENV", nargs="*", help="only these")
    status.add_argument("--watch", action="store_true", help="again and again, until Ctrl-C")
    status.add_argument("--every", metavar="SECONDS", type=seconds, default=2.0, help="between two looks; 2 by default")
    status.set_defaults(module="status")
    logs = command(commands, "logs", "what an environment's server has logged")
    logs.add_argument("environment", metavar="ENV")
    logs.add_argument("-n", "--lines", metavar="N", type=_count, default=50, help="how many lines; 50 by default")
    logs.add_argument("-f", "--follow", action="store_true", help="go on with those that come, until Ctrl-C")
    logs.set_defaults(module="logs")
    log = command(commands, "log", "what was done to environments, from their journals", _LOG)
    log.add_argument("environment", metavar="ENV", nargs="?", help="only this one")
    log.add_argument("operation", metavar="ID", nargs="?", help="one operation, with its steps")
    log.add_argument("--verify", action="store_true", help="check that no record was changed or taken out")
    log.set_defaults(module="log")


def seconds(text: str) -> float:
    """A length of time up to a day, from an argument."""
    if re.fullmatch(r"\d+(\.\d+)?", text, re.ASCII) is None or not 0 < float(text) <= 86400:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds")
    return float(text)


def _count(text: str) -> int:
    if re.fullmatch(r"\d{1,9}", text, re.ASCII) is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number")
    return int(text)
