"""The arguments of ``homeport backup``."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Final

from homeport.cli.arguments.common import actions_of, add_dry_run, command, seconds

if TYPE_CHECKING:
    from homeport.cli.arguments.common import Commands

_CREATE: Final = """\
Makes a backup while the server writes: a consistent copy, packed into one archive (tar, zstd; tar --zstd -xf opens it)
with a manifest, copied to every declared place, and read back from each. Only then is it called good.

What is saved is the data directory that the running server has open; where that is not the declared one, nothing is
saved and both are named. Exit code 1 where there is no backup; 4 where there is one here, and a place failed.
"""
_VERIFY: Final = """\
Reads backups back, here and at every place, and compares every byte with what was written. Without BACKUP, all of
them. Exit code 4 where one is not what it was.
"""
_DRILL: Final = """\
Proves a backup: unpacks it aside, examines every row, holds counts, schema and last event against what was saved,
starts the release's own server on the copy with a socket of its own, asks it for its health and for what it should
hold, writes down how long that took, and throws the copy away. A server that is not Homeport's is started
where drill_command says how; else its files are examined.

Exit code 4 where the backup is not what it should be.
"""
_REPLICATE: Final = """\
Keeps Litestream running on an environment's database, which brings every commit to the declared directory (continuous)
within about a second: what the unit of homeport provision runs. Where homeport up or start run the server, it runs
beside it by itself. Exit code 78 where there is no litestream, or its directory is not there.
"""
_PRUNE: Final = """\
Removes the backups that the declared rules do not keep, and says for each other one why it stays. The newest good ones
always do.
"""


def add_backup(commands: Commands) -> None:
    """Adds the command and its actions."""
    backup = command(commands, "backup", "make, list, verify, try and prune backups")
    actions = actions_of(backup)
    create = _of_environment(command(actions, "create", "make one, and read it back", _CREATE))
    create.add_argument("--origin", default="command", choices=["command", "schedule"], help=argparse.SUPPRESS)
    _may_wait(create)
    listing = _of_environment(command(actions, "list", "what there is, with its state, the newest first"))
    show = _of_environment(command(actions, "show", "all that is known of one"))
    show.add_argument("backup", metavar="BACKUP", nargs="?", default="latest", help="its id; latest by default")
    verify = _of_environment(command(actions, "verify", "read every byte back", _VERIFY))
    verify.add_argument("backup", metavar="BACKUP", nargs="?", help="its id, or latest; all by default")
    verify.add_argument("--here", action="store_true", help="only on this machine, not at the declared places")
    verify.add_argument("--identity", metavar="FILE", help="the age key with which to look into sealed ones")
    prune = _of_environment(command(actions, "prune", "remove what the rules do not keep", _PRUNE))
    for one in (create, prune):
        add_dry_run(one)
    made = {"create": create, "list": listing, "show": show, "verify": verify, "prune": prune}
    for action, one in made.items():
        one.set_defaults(module="backup", action=action)
    drill = _of_environment(command(actions, "drill", "restore one aside, serve it, and ask it", _DRILL))
    drill.add_argument("backup", metavar="BACKUP", nargs="?", default="latest", help="its id; latest by default")
    drill.add_argument("--from", dest="place", metavar="PLACE", help="take the archive from there")
    drill.add_argument("--scratch", metavar="DIR", help="restore below this directory, not in the backups directory")
    drill.add_argument("--identity", metavar="FILE", help="the age key that opens sealed backups")
    add_dry_run(drill)
    _may_wait(drill)
    drill.set_defaults(module="drill")


def add_replicate(commands: Commands) -> None:
    """Adds the command."""
    replicate = _of_environment(command(commands, "replicate", "keep a replica seconds behind the data", _REPLICATE))
    replicate.add_argument("--with-parent", type=int, metavar="PID", help=argparse.SUPPRESS)
    replicate.set_defaults(module="replicate")


def _may_wait(command: argparse.ArgumentParser) -> None:
    what = "for another operation on the environment to end; by default not at all"
    command.add_argument("--wait", metavar="SECONDS", type=seconds, default=0.0, help=what)


def _of_environment(command: argparse.ArgumentParser) -> argparse.ArgumentParser:
    command.add_argument("environment", metavar="ENV")
    return command
