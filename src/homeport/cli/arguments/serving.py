"""The arguments of ``homeport up`` and ``serve``: what runs in the foreground."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Final

from homeport.cli.arguments.common import add_dry_run, add_ports, command

if TYPE_CHECKING:
    from homeport.cli.arguments.common import Commands

_UP: Final = """\
Runs environments side by side in the foreground until Ctrl-C (a second Ctrl-C kills them). Without ENV these
are production and development, or all that are declared where neither is.

Where there is no homeport.toml yet, one is written with the three usual environments, and the directories are
made. --port is for this run only; homeport init --port writes ports into a new file.

--data-seed DIR fills environments from a json-v1 directory before they start: the named ones, or without ENV
those that are not protected. An environment that was started or filled before is refused, and nothing is
started; homeport data import adds to such a one.

Exit code 0 after a clean Ctrl-C; another one where a server ended by itself or had to be killed.
"""
_SERVE: Final = """\
Runs one environment in the foreground; logs go to stderr. This is what a service manager starts. Exit code 78
says that it cannot start for a reason that no retry mends: a port in use, data of another environment, a
directory that cannot be written, a second server on the same data.

Sockets that a service manager hands over (LISTEN_FDS) are used instead of binding the ports; each is named http or
sse, or is known by its port. The manager is told when the server is ready, is stopping, and is alive (NOTIFY_SOCKET).

With --standby it may start beside a server of the same environment that was started so too: it stands by, ready, and
accepts the moment the other one stops to. Its sockets must be handed over.

--socket makes it answer on a unix socket alone, on no port: to try a release beside the running server. With --data
it runs on a copy of the environment's data, as a rehearsal: it calls no webhook and nobody else outside.
"""


def add_up(commands: Commands) -> None:
    """Adds ``homeport up``."""
    up = command(commands, "up", "run environments in the foreground; no system service, no root", _UP)
    up.add_argument("environments", metavar="ENV", nargs="*", help="environments to run")
    up.add_argument("--data-seed", metavar="DIR", help="fill empty environments from a json-v1 directory")
    add_ports(up)
    add_dry_run(up)
    up.set_defaults(module="up")


def add_serve(commands: Commands) -> None:
    """Adds ``homeport serve``."""
    serve = command(commands, "serve", "run one environment in the foreground; what a unit's ExecStart runs", _SERVE)
    serve.add_argument("environment", metavar="ENV")
    serve.add_argument("--log-format", choices=["json", "text"], help="instead of the declared one")
    # What homeport start --reload keeps running.
    serve.add_argument("--reload", action="store_true", help=argparse.SUPPRESS)
    # For `homeport up`: a server must not outlive it, even where it was killed.
    serve.add_argument("--with-parent", type=int, metavar="PID", help=argparse.SUPPRESS)
    doors = serve.add_mutually_exclusive_group()
    doors.add_argument("--socket", metavar="PATH", help="answer on this unix socket alone, on no port")
    doors.add_argument("--also-socket", metavar="PATH", help="answer on this unix socket too, for its own user")
    serve.add_argument("--standby", action="store_true", help="take over from a server that was started so too")
    serve.add_argument("--data", metavar="DIR", help="a copy of the environment's data; only with --socket")
    serve.add_argument("--release", metavar="ID", help="the release this is; else the directory it is installed in")
    add_ports(serve)
    serve.set_defaults(module="serve")
