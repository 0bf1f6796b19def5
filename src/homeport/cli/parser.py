"""The whole command line. Standard library only: it is loaded for ``--help``."""

from __future__ import annotations

import argparse
from typing import Final

from homeport import __version__
from homeport.cli.arguments.backups import add_backup, add_replicate
from homeport.cli.arguments.clients import add_connect, add_stdio, add_token
from homeport.cli.arguments.common import Parser, add_common
from homeport.cli.arguments.data import add_data
from homeport.cli.arguments.following import add_following
from homeport.cli.arguments.looking import add_doctor, add_looking, add_settle
from homeport.cli.arguments.machine import add_adopt, add_config, add_init, add_provision
from homeport.cli.arguments.migrations import add_migrate
from homeport.cli.arguments.releases import add_releases
from homeport.cli.arguments.restores import add_restore, add_sync
from homeport.cli.arguments.servers import add_servers
from homeport.cli.arguments.serving import add_serve, add_up

_EXIT_CODES: Final = """\
exit codes:
  0  done                          4  findings
  1  failed; nothing changed       5  failed half way; needs a person
  2  usage or declaration         78  a server cannot start, and trying again will not help
  3  refused by a guard          130  interrupted
"""


def make_parser() -> argparse.ArgumentParser:
    """The whole command line. ``module`` of a parsed command names the module in this package that runs it."""
    parser = Parser(
        prog="homeport",
        description="A coordination server for teams of AI agents, and the environments it lives in.",
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"homeport {__version__}")
    add_common(parser, config=None, as_json=False)
    commands = parser.add_subparsers(metavar="COMMAND", required=True, parser_class=Parser)
    add_up(commands)
    add_serve(commands)
    add_init(commands)
    add_provision(commands)
    add_adopt(commands)
    add_servers(commands)
    add_looking(commands)
    add_settle(commands)
    add_releases(commands)
    add_following(commands)
    add_config(commands)
    add_doctor(commands)
    add_backup(commands)
    add_replicate(commands)
    add_restore(commands)
    add_sync(commands)
    add_migrate(commands)
    add_data(commands)
    add_token(commands)
    add_connect(commands)
    add_stdio(commands)
    return parser
