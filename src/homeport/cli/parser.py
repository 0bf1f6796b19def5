"""The commands, their arguments and their help. Standard library only: it is loaded for ``--help``."""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING, Final, NoReturn

from homeport import __version__
from homeport.cli.backup_arguments import add_backup
from homeport.cli.data_arguments import add_restore, add_sync
from homeport.cli.release_arguments import add_releases
from homeport.cli.server_arguments import add_looking, add_servers
from homeport.errors import UsageError

_EXIT_CODES: Final = """\
exit codes:
  0  done                          4  findings
  1  failed; nothing changed       5  failed half way; needs a person
  2  usage or declaration         78  a server cannot start, and trying again will not help
  3  refused by a guard          130  interrupted
"""
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
_INIT: Final = """\
Writes a commented homeport.toml with the environments production, development and local, and makes their
directories. Where the file exists it is left as it is, and only directories that are missing are made.
"""
_DOCTOR: Final = """\
Looks at the machine (units and their journal, processes and what they have open, nginx, crontabs, directories, health,
backups) and holds it against the declaration. Each finding says what was seen, what comes of it, and what mends it.

Exit code 4 where something was found; with --nagios 0, 1 or 2. Run it as root: others see only their own processes.
"""
_IMPORT: Final = """\
Reads the data directory of the earlier server (instances.json, projects/, messages/, lessons/, roles/) into an
environment. All of it or nothing: a file that is broken is named, with its line. What is there already stays,
so that a second import changes nothing. The environment's server may be running.
"""
_EXPORT: Final = """\
Writes what an environment holds as a data directory of the earlier server. DIR must be missing or empty. The
environment's server may be running.
"""
_SNAPSHOT: Final = """\
Copies an environment's data as they are at one moment into TARGET, which must be missing or empty. The server may be
running and is not held up. The copy is on the disk, and was checked, when this ends; if it fails, nothing is left.
"""
_FACTS: Final = """\
Says what a data directory or a snapshot holds: whose it is, its schema, how many of each, its last event, and what is
wrong with it. Nothing in it is changed. Exit code 4 where something is wrong. --deep looks at every row.
"""
_LOST: Final = """\
Counts what an environment's data hold since the event of that number: what would be lost if a backup with this position
were restored. The server may be running.
"""
_PREPARE: Final = """\
Makes a snapshot of FROM into data of another environment, in its place: with an identity of their own, and a file that
says where they come from. Tokens, webhooks, what signs in with OAuth, and tokens within texts always go, and no byte
of them stays. --scrub texts replaces what was written by filler of the same length, all also the names of projects; ids
stay.
Live data are refused. If this is interrupted, throw the directory away and take a new snapshot.
"""
_UPGRADE: Final = """\
Runs the migrations that a snapshot lacks on it, and counts the rows that they changed. Live data are refused: a server
that starts on them brings them up itself.
"""
_CREATE: Final = """\
Prints a new token alone on stdout, this once: TOKEN=$(homeport token create production --name nova). Kept is only a
hash of it. The environment's server may be running, and answers it at once.
"""
_CONNECT: Final = """\
Shows how a client is connected to an environment: its own command, or the entry of its file. Without --client, all
clients in short. The connection is called homeport for production and homeport-ENV for all others.

--write puts the entry into the client's file (or FILE): everything else in it stays as it is, and a copy of it is kept
beside it. No token is written or printed; the client takes it from HOMEPORT_TOKEN or asks for it. With --token-file it
is written, and the file is then for its owner alone. Claude Desktop knows no variables: its entry gets the token, or
names the token's file.

--check connects as the client would, by what stands in its file, and says what it sees. Exit code 1 where it fails.
"""
_CLIENTS: Final = (
    *("chatgpt", "claude-code", "claude-desktop", "claude-ai", "codex", "cursor", "gemini", "vscode", "http"),
)
_PROVISION: Final = """\
Makes this machine match the declaration: a system user, directories, systemd units and timers, nginx's locations. Each
candidate is judged before it is in place, and all is undone where a step fails. Running it twice changes nothing.

What was edited by hand is never overwritten in silence: it is refused with exit code 3, unless --overwrite-drift is
given, which keeps a copy. --unprovision takes away what was made, never data, backups or the journal.

It needs root and systemd. Without systemd it prints lines for a crontab.
"""
_ADOPT: Final = """\
Moves a server that somebody started by hand under systemd: Homeport's own, or another program that is declared with
command, data and health. Its data are backed up first and the backup is read back; units and nginx's locations are
written and judged; units of others that would run it too are retired. Then the old process is ended and the new one
started, and the data compared. If anything fails, the old process is started again exactly as it was.

--put-back goes back to how it was started by hand. --archive-stale DIR packs a data directory that nobody uses into the
directory of backups, with a checksum, and removes it; only once the live data have a good backup.

It needs root and systemd. Exit code 3: there is nothing to adopt, or it is not what is declared; nothing was changed.
"""
_STDIO: Final = """\
For clients that can only start a program and speak with it over pipes: reads JSON-RPC from stdin, line by line, posts
it to the server as it came, and writes what the server says to stdout. Logs go to stderr. Ends when stdin does.

A server that is away is waited for; whatever waits then for too long gets a JSON-RPC error. With ENV, an answer of
another environment is refused. The token is taken from HOMEPORT_TOKEN or from --token-file.
"""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message[:1].upper()}{message[1:]}.", f"{self.prog} --help shows what it takes.")


if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[_Parser]  # noqa: SLF001 - the only name there is for add_subparsers' answer


def make_parser() -> argparse.ArgumentParser:
    """The whole command line. ``module`` of a parsed command names the module in this package that runs it."""
    parser = _Parser(
        prog="homeport",
        description="A coordination server for teams of AI agents, and the environments it lives in.",
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"homeport {__version__}")
    _add_common(parser, config=None, as_json=False)
    commands = parser.add_subparsers(metavar="COMMAND", required=True, parser_class=_Parser)
    _add_up(commands)
    _add_serve(commands)
    _add_init(commands)
    _add_provision(commands)
    _add_adopt(commands)
    add_servers(commands, _command)
    add_looking(commands, _command)
    add_releases(commands, _command)
    _add_config(commands)
    _add_doctor(commands)
    add_backup(commands, _command, _Parser)
    add_restore(commands, _command)
    add_sync(commands, _command)
    _add_data(commands)
    _add_token(commands)
    _add_connect(commands)
    _add_stdio(commands)
    return parser


def _add_up(commands: Commands) -> None:
    up = _command(commands, "up", "run environments in the foreground; no system service, no root", _UP)
    up.add_argument("environments", metavar="ENV", nargs="*", help="environments to run")
    up.add_argument("--data-seed", metavar="DIR", help="fill empty environments from a json-v1 directory")
    _add_ports(up)
    _add_dry_run(up)
    up.set_defaults(module="up")


def _add_serve(commands: Commands) -> None:
    serve = _command(commands, "serve", "run one environment in the foreground; what a unit's ExecStart runs", _SERVE)
    serve.add_argument("environment", metavar="ENV")
    serve.add_argument("--log-format", choices=["json", "text"], help="instead of the declared one")
    # For `homeport up`: a server must not outlive it, even where it was killed.
    serve.add_argument("--with-parent", type=int, metavar="PID", help=argparse.SUPPRESS)
    doors = serve.add_mutually_exclusive_group()
    doors.add_argument("--socket", metavar="PATH", help="answer on this unix socket alone, on no port")
    doors.add_argument("--also-socket", metavar="PATH", help="answer on this unix socket too, for its own user")
    serve.add_argument("--standby", action="store_true", help="take over from a server that was started so too")
    serve.add_argument("--data", metavar="DIR", help="a copy of the environment's data; only with --socket")
    serve.add_argument("--release", metavar="ID", help="the release this is; else the directory it is installed in")
    _add_ports(serve)
    serve.set_defaults(module="serve")


def _add_init(commands: Commands) -> None:
    init = _command(commands, "init", "write a commented homeport.toml and the directories", _INIT)
    init.add_argument("directory", metavar="DIR", nargs="?", help="where; the current directory by default")
    _add_ports(init)
    _add_dry_run(init)
    init.set_defaults(module="init")


def _add_provision(commands: Commands) -> None:
    provision = _command(commands, "provision", "systemd units, timers and nginx as declared", _PROVISION)
    provision.add_argument("environment", metavar="ENV")
    provision.add_argument("--unprovision", action="store_true", help="take away what it made, never data")
    provision.add_argument(
        "--overwrite-drift", action="store_true", help="replace what was edited by hand; keep a copy"
    )
    provision.add_argument("--yes", action="store_true", help="do not ask")
    _add_dry_run(provision)
    provision.set_defaults(module="provision")


def _add_adopt(commands: Commands) -> None:
    adopt = _command(commands, "adopt", "move a server that was started by hand under systemd, or back", _ADOPT)
    adopt.add_argument("environment", metavar="ENV")
    other = adopt.add_mutually_exclusive_group()
    other.add_argument("--put-back", action="store_true", help="go back to how it was started by hand")
    other.add_argument("--archive-stale", metavar="DIR", help="pack a stale data directory, then remove it")
    adopt.add_argument("--overwrite-drift", action="store_true", help="replace what was edited by hand; keep a copy")
    adopt.add_argument("--yes", action="store_true", help="do not ask")
    _add_dry_run(adopt)
    adopt.set_defaults(module="adopt")


def _add_doctor(commands: Commands) -> None:
    doctor = _command(commands, "doctor", "what is wrong with this machine, and the command that mends it", _DOCTOR)
    doctor.add_argument("environments", metavar="ENV", nargs="*", help="only these")
    doctor.add_argument("--fix", action="store_true", help="mend what can be mended without a decision")
    doctor.add_argument("--alarm", action="store_true", help="tell whoever is declared to be told; the timer does")
    doctor.add_argument("--nagios", action="store_true", help="one line and the exit code of a monitoring plugin")
    _add_dry_run(doctor)
    doctor.set_defaults(module="doctor")


def _add_config(commands: Commands) -> None:
    config = _command(commands, "config", "check, show or explain homeport.toml")
    actions = config.add_subparsers(metavar="ACTION", required=True, parser_class=_Parser)
    check = _command(actions, "check", "every fault of the declaration, each with its path; exit code 2 if any")
    check.set_defaults(module="config", action="check")
    show = _command(actions, "show", "everything that follows from the declaration, and what is a default")
    show.add_argument("environments", metavar="ENV", nargs="*", help="only these")
    show.set_defaults(module="config", action="show")
    docs = _command(actions, "docs", "every setting with its default and what it is for, as a homeport.toml")
    docs.set_defaults(module="config", action="docs")


def _add_data(commands: Commands) -> None:
    data = _command(commands, "data", "snapshots of data, what they hold, and an earlier server's data in and out")
    actions = data.add_subparsers(metavar="ACTION", required=True, parser_class=_Parser)
    for action, text, preposition in (("import", _IMPORT, "from"), ("export", _EXPORT, "to")):
        one = _command(actions, action, f"{preposition} a directory of the earlier server", text)
        one.add_argument("format", choices=["json-v1"], help="json-v1 is the only one")
        one.add_argument("directory", metavar="DIR")
        one.add_argument("environment", metavar="ENV")
        _add_dry_run(one)
        one.set_defaults(module="data", action=action)
    snapshot = _command(actions, "snapshot", "copy an environment's data while its server writes", _SNAPSHOT)
    snapshot.add_argument("environment", metavar="ENV")
    snapshot.add_argument("target", metavar="TARGET")
    facts = _command(actions, "facts", "what a data directory or a snapshot holds, and whether it is sound", _FACTS)
    facts.add_argument("directory", metavar="DIR")
    facts.add_argument("--deep", action="store_true", help="look at every row and reference")
    lost = _command(actions, "lost", "what restoring a backup would lose, in numbers", _LOST)
    lost.add_argument("environment", metavar="ENV")
    lost.add_argument("--position", metavar="N", type=int, required=True, help="of the backup")
    lost.add_argument("--position-at", metavar="TIME", help="when that event was, as the backup has it")
    lost.add_argument("--identity", metavar="ID", help="of the backup's data")
    announce = _command(actions, "announce", "send everybody a message from the environment itself")
    announce.add_argument("environment", metavar="ENV")
    announce.add_argument("--subject", required=True)
    announce.add_argument("--body", default="")
    announce.set_defaults(module="data", action="announce")
    for one in (snapshot, lost):
        one.add_argument("--data", metavar="DIR", help="where the data lie, instead of where they are declared to")
    prepare = _command(actions, "prepare", "make a snapshot into data of another environment", _PREPARE)
    prepare.add_argument("directory", metavar="DIR")
    prepare.add_argument("--environment", metavar="TO", required=True, help="whose data they become")
    prepare.add_argument("--origin", metavar="FROM", required=True, help="whose data they are")
    prepare.add_argument("--scrub", choices=["none", "texts", "all"], default="none", help="none by default")
    upgrade = _command(actions, "upgrade", "bring a snapshot to the schema of this version", _UPGRADE)
    upgrade.add_argument("directory", metavar="DIR")
    made = (("snapshot", snapshot), ("facts", facts), ("lost", lost), ("prepare", prepare), ("upgrade", upgrade))
    for action, one in made:
        one.set_defaults(module="snapshots", action=action)


def _add_connect(commands: Commands) -> None:
    connect = _command(commands, "connect", "show, write or check how a client connects to an environment", _CONNECT)
    connect.add_argument("environment", metavar="ENV")
    connect.add_argument("--client", choices=_CLIENTS, help="which one; without it, all in short")
    connect.add_argument("--transport", choices=["http", "sse", "stdio"], help="instead of the client's usual one")
    connect.add_argument("--url", metavar="URL", help="of the server, instead of the declared one")
    connect.add_argument("--name", metavar="NAME", help="what the client calls the connection")
    connect.add_argument("--write", metavar="FILE", nargs="?", const="", help="put the entry into the client's file")
    connect.add_argument("--check", action="store_true", help="connect as the client would, and say what it sees")
    connect.add_argument("--yes", action="store_true", help="replace an entry of that name that leads elsewhere")
    _add_token_file(connect)
    _add_dry_run(connect)
    connect.set_defaults(module="connect")


def _add_stdio(commands: Commands) -> None:
    stdio = _command(commands, "stdio", "connect a client that speaks only stdio to the running server", _STDIO)
    stdio.add_argument("environment", metavar="ENV", nargs="?", help="whose server; must be the one that answers")
    stdio.add_argument("--url", metavar="URL", help="of the server, instead of the declared one")
    stdio.add_argument(
        "--patience", metavar="SECONDS", type=float, help="how long to wait for a server that is away; 20 by default"
    )
    _add_token_file(stdio)
    stdio.set_defaults(module="stdio")


def _add_token_file(command: argparse.ArgumentParser) -> None:
    command.add_argument("--token-file", metavar="FILE", help="holds the token, instead of HOMEPORT_TOKEN")


def _add_token(commands: Commands) -> None:
    token = _command(commands, "token", "who may call an environment: make, list and revoke tokens")
    actions = token.add_subparsers(metavar="ACTION", required=True, parser_class=_Parser)
    create = _command(actions, "create", "make a token and show it, once", _CREATE)
    create.add_argument("environment", metavar="ENV")
    create.add_argument("--name", required=True, help="whose it is, for the log and the list")
    create.add_argument("--scope", choices=["read", "write", "admin"], default="write", help="write by default")
    create.add_argument("--instance", metavar="ID", help="the one instance that it speaks as; any by default")
    create.add_argument("--expires", metavar="SPAN", help="12h, 90d, 4w; by default when it is revoked")
    create.add_argument("--data", metavar="DIR", help="a copy of the environment's data, in which alone it is good")
    show = _command(actions, "list", "every token, when it was used and when it ends; never its secret")
    show.add_argument("environment", metavar="ENV")
    revoke = _command(actions, "revoke", "end a token for good, at once")
    revoke.add_argument("environment", metavar="ENV")
    revoke.add_argument("id", metavar="ID", help="as the list has it, or the beginning of a token that was found")
    for action, one in (("create", create), ("list", show), ("revoke", revoke)):
        one.set_defaults(module="token", action=action)


def _command(commands: Commands, name: str, line: str, text: str = "") -> argparse.ArgumentParser:
    command = commands.add_parser(
        name,
        help=line,
        description=text or f"{line[0].upper()}{line[1:]}.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    # Suppressed, so that what was given before the command's name is not overwritten by a default.
    _add_common(command, config=argparse.SUPPRESS, as_json=argparse.SUPPRESS)
    return command


def _add_common(parser: argparse.ArgumentParser, *, config: str | None, as_json: object) -> None:
    parser.add_argument(
        "--config", metavar="PATH", default=config, help="the declaration; else homeport.toml, found upwards from here"
    )
    parser.add_argument("--json", action="store_true", default=as_json, help="results and errors as JSON")


def _add_dry_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")


def _add_ports(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--port",
        dest="ports",
        metavar="ENV=HTTP[:SSE]",
        type=_port,
        action="append",
        default=[],
        help="other ports for an environment; may be given for several",
    )


def _port(text: str) -> tuple[str, int, int | None]:
    found = re.fullmatch(r"([^=]+)=(\d+)(?::(\d+))?", text, re.ASCII)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not ENV=HTTP or ENV=HTTP:SSE with whole numbers")
    environment, http, sse = found.groups()
    return environment, int(http), int(sse) if sse else None
