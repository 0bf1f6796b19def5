"""The arguments of ``homeport restore`` and ``homeport sync``."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Final

from homeport.cli.arguments.common import add_dry_run, add_yes, command

if TYPE_CHECKING:
    from homeport.cli.arguments.common import Commands

_RESTORE: Final = """\
Puts a backup in place of an environment's data: says what would be lost, asks, makes a safety backup of what is there
however broken it is, unpacks beside it and examines every row, stops the server, exchanges the directories by rename,
starts it, and waits until it is healthy. If anything of that fails, the old data are back, and the server runs on them.

The old data stay beside the new ones, as DATA.before-restore-TIME, until you remove them. A server that did not run is
not started. --to DIR unpacks a backup into a new directory, and touches nothing else.
"""
_SYNC: Final = """\
Brings a snapshot of FROM into TO: taken while FROM is used, which is only read; without tokens, webhooks and what signs
in, which always go, and without texts (--scrub texts) or names of projects too (all); with TO's own identity, and with
DEVELOPMENT_SNAPSHOT.json, which says where it comes from. TO is saved in a backup first, stopped, exchanged, started,
and healthy, or all is put back.

Nothing is ever synced into a protected environment: there is no flag for that. Between servers that are not
Homeport's, files are copied as they are, and --scrub none has to say so.
"""


def add_restore(commands: Commands) -> None:
    """Adds ``homeport restore``."""
    restore = command(commands, "restore", "put a backup in place of an environment's data", _RESTORE)
    restore.add_argument("environment", metavar="ENV")
    restore.add_argument("backup", metavar="BACKUP", nargs="?", help="its id, or latest")
    restore.add_argument("--at", metavar="TIME", help="the closest that is not younger: 2026-10-02T06:15:00Z, or now")
    restore.add_argument("--from", dest="place", metavar="PLACE", help="take the archive from there")
    restore.add_argument("--to", metavar="DIR", help="unpack into this new directory, and touch no environment")
    restore.add_argument("--identity", metavar="FILE", help="the age key that opens sealed backups")
    _add_way(restore)
    restore.set_defaults(module="restore")


def add_sync(commands: Commands) -> None:
    """Adds ``homeport sync``."""
    sync = command(commands, "sync", "bring one environment's data into another, never into a protected one", _SYNC)
    sync.add_argument("origin", metavar="FROM")
    sync.add_argument("environment", metavar="TO")
    sync.add_argument("--scrub", choices=["none", "texts", "all"], help="what goes besides secrets; none by default")
    _add_way(sync)
    sync.set_defaults(module="sync")


def _add_way(one: argparse.ArgumentParser) -> None:
    add_yes(one)
    add_dry_run(one)
