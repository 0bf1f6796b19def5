"""The arguments of ``homeport start``, ``stop`` and ``restart``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from homeport.cli.arguments.common import add_dry_run, command, seconds

if TYPE_CHECKING:
    from homeport.cli.arguments.common import Commands

_START: Final = """\
Starts an environment's server and waits until it is healthy itself: an old process that answers on its port is not
taken for it. By systemd where homeport provision has put its units, else as a plain process that goes on when this
command ends. If it does not come up, it is stopped again, and the last line of its log is told.

--reload is for source that you are changing: the server of a checkout is exchanged for every change of it. The next
one is ready before the one before ends, so that no connection is refused and sessions go on; one that does not start
changes nothing, and why it does not stands in homeport status and homeport logs.
"""
_STOP: Final = """\
Stops an environment's server and waits until it has ended: SIGTERM, a bounded wait, SIGKILL. What was started by
somebody else is named and left alone, with exit code 3.
"""
_RESTART: Final = """\
Starts the next server beside the one that runs, which ends when the next one is ready, so that nobody is refused. A
server that is ill, or is not Homeport's own, is stopped first. Waits until the server is healthy.

--pull is for an environment that declares a git checkout: it is brought forward to its remote's branch, what the new
commit asks for is installed, and the server is restarted. If that fails, or the server does not come up, the checkout
goes back to the commit before, with what that one asks for, and the server too. A checkout with changes is refused.
"""


def add_servers(commands: Commands) -> None:
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
        one.set_defaults(module="servers", action=action, pull=False, reload=False)
        if action == "start":
            one.add_argument("--reload", action="store_true", help="exchange it whenever its source changes")
        if action == "restart":
            one.add_argument("--pull", action="store_true", help="bring its git checkout forward first")
        add_dry_run(one)
