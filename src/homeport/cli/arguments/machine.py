"""The arguments of ``homeport init``, ``provision``, ``adopt`` and ``config``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from homeport.cli.arguments.common import actions_of, add_dry_run, add_ports, add_yes, command

if TYPE_CHECKING:
    from homeport.cli.arguments.common import Commands

_INIT: Final = """\
Writes a commented homeport.toml with the environments production, development and local, and makes their
directories. Where the file exists it is left as it is, and only directories that are missing are made.

--checkout declares a git checkout that you have as what development runs from, on the branch that it is on. The data
of environments never lie in a checkout, where git would track them or clean them away: give a DIR beside it.
"""
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


def add_init(commands: Commands) -> None:
    """Adds ``homeport init``."""
    init = command(commands, "init", "write a commented homeport.toml and the directories", _INIT)
    init.add_argument("directory", metavar="DIR", nargs="?", help="where; the current directory by default")
    init.add_argument("--checkout", metavar="PATH", help="a git checkout that development is to run from")
    add_ports(init)
    add_dry_run(init)
    init.set_defaults(module="init")


def add_provision(commands: Commands) -> None:
    """Adds ``homeport provision``."""
    provision = command(commands, "provision", "systemd units, timers and nginx as declared", _PROVISION)
    provision.add_argument("environment", metavar="ENV")
    provision.add_argument("--unprovision", action="store_true", help="take away what it made, never data")
    provision.add_argument(
        "--overwrite-drift", action="store_true", help="replace what was edited by hand; keep a copy"
    )
    add_yes(provision)
    add_dry_run(provision)
    provision.set_defaults(module="provision")


def add_adopt(commands: Commands) -> None:
    """Adds ``homeport adopt``."""
    adopt = command(commands, "adopt", "move a server that was started by hand under systemd, or back", _ADOPT)
    adopt.add_argument("environment", metavar="ENV")
    other = adopt.add_mutually_exclusive_group()
    other.add_argument("--put-back", action="store_true", help="go back to how it was started by hand")
    other.add_argument("--archive-stale", metavar="DIR", help="pack a stale data directory, then remove it")
    adopt.add_argument("--overwrite-drift", action="store_true", help="replace what was edited by hand; keep a copy")
    add_yes(adopt)
    add_dry_run(adopt)
    adopt.set_defaults(module="adopt")


def add_config(commands: Commands) -> None:
    """Adds ``homeport config`` and its actions."""
    config = command(commands, "config", "check, show or explain homeport.toml")
    actions = actions_of(config)
    check = command(actions, "check", "every fault of the declaration, each with its path; exit code 2 if any")
    check.set_defaults(module="config", action="check")
    show = command(actions, "show", "everything that follows from the declaration, and what is a default")
    show.add_argument("environments", metavar="ENV", nargs="*", help="only these")
    show.set_defaults(module="config", action="show")
    docs = command(actions, "docs", "every setting with its default and what it is for, as a homeport.toml")
    docs.set_defaults(module="config", action="docs")
