"""The arguments of ``homeport connect``, ``stdio`` and ``token``: who calls an environment, and how."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Final

from homeport.cli.arguments.common import actions_of, add_dry_run, command

if TYPE_CHECKING:
    from homeport.cli.arguments.common import Commands

CLIENTS: Final = (
    "chatgpt",
    "claude-code",
    "claude-desktop",
    "claude-ai",
    "codex",
    "cursor",
    "gemini",
    "vscode",
    "http",
)
_CONNECT: Final = """\
Shows how a client is connected to an environment: its own command, or the entry of its file. Without --client, all
clients in short. The connection is called homeport for production and homeport-ENV for all others.

--write puts the entry into the client's file (or FILE): everything else in it stays as it is, and a copy of it is kept
beside it. No token is written or printed; the client takes it from HOMEPORT_TOKEN or asks for it. With --token-file it
is written, and the file is then for its owner alone. Claude Desktop knows no variables: its entry gets the token, or
names the token's file.

--check connects as the client would, by what stands in its file, and says what it sees. Exit code 1 where it fails.
"""
_STDIO: Final = """\
For clients that can only start a program and speak with it over pipes: reads JSON-RPC from stdin, line by line, posts
it to the server as it came, and writes what the server says to stdout. Logs go to stderr. Ends when stdin does.

A server that is away is waited for; whatever waits then for too long gets a JSON-RPC error. With ENV, an answer of
another environment is refused. The token is taken from HOMEPORT_TOKEN or from --token-file.
"""
_CREATE: Final = """\
Prints a new token alone on stdout, this once: TOKEN=$(homeport token create production --name nova). Kept is only a
hash of it. The environment's server may be running, and answers it at once.
"""


def add_connect(commands: Commands) -> None:
    """Adds ``homeport connect``."""
    connect = command(commands, "connect", "show, write or check how a client connects to an environment", _CONNECT)
    connect.add_argument("environment", metavar="ENV")
    connect.add_argument("--client", choices=CLIENTS, help="which one; without it, all in short")
    connect.add_argument("--transport", choices=["http", "sse", "stdio"], help="instead of the client's usual one")
    connect.add_argument("--url", metavar="URL", help="of the server, instead of the declared one")
    connect.add_argument("--name", metavar="NAME", help="what the client calls the connection")
    connect.add_argument("--write", metavar="FILE", nargs="?", const="", help="put the entry into the client's file")
    connect.add_argument("--check", action="store_true", help="connect as the client would, and say what it sees")
    connect.add_argument("--yes", action="store_true", help="replace an entry of that name that leads elsewhere")
    _add_token_file(connect)
    add_dry_run(connect)
    connect.set_defaults(module="connect")


def add_stdio(commands: Commands) -> None:
    """Adds ``homeport stdio``."""
    stdio = command(commands, "stdio", "connect a client that speaks only stdio to the running server", _STDIO)
    stdio.add_argument("environment", metavar="ENV", nargs="?", help="whose server; must be the one that answers")
    stdio.add_argument("--url", metavar="URL", help="of the server, instead of the declared one")
    stdio.add_argument(
        "--patience", metavar="SECONDS", type=float, help="how long to wait for a server that is away; 20 by default"
    )
    _add_token_file(stdio)
    stdio.set_defaults(module="stdio")


def add_token(commands: Commands) -> None:
    """Adds ``homeport token`` and its actions."""
    token = command(commands, "token", "who may call an environment: make, list and revoke tokens")
    actions = actions_of(token)
    create = command(actions, "create", "make a token and show it, once", _CREATE)
    create.add_argument("environment", metavar="ENV")
    create.add_argument("--name", required=True, help="whose it is, for the log and the list")
    create.add_argument("--scope", choices=["read", "write", "admin"], default="write", help="write by default")
    create.add_argument("--instance", metavar="ID", help="the one instance that it speaks as; any by default")
    create.add_argument("--expires", metavar="SPAN", help="12h, 90d, 4w; by default when it is revoked")
    create.add_argument("--data", metavar="DIR", help="a copy of the environment's data, in which alone it is good")
    show = command(actions, "list", "every token, when it was used and when it ends; never its secret")
    show.add_argument("environment", metavar="ENV")
    revoke = command(actions, "revoke", "end a token for good, at once")
    revoke.add_argument("environment", metavar="ENV")
    revoke.add_argument("id", metavar="ID", help="as the list has it, or the beginning of a token that was found")
    for action, one in (("create", create), ("list", show), ("revoke", revoke)):
        one.set_defaults(module="token", action=action)


def _add_token_file(command: argparse.ArgumentParser) -> None:
    command.add_argument("--token-file", metavar="FILE", help="holds the token, instead of HOMEPORT_TOKEN")
