"""The arguments of ``homeport migrate``, ``homeport data migrate`` and ``homeport data verify``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from homeport.cli.arguments.common import add_yes, command

if TYPE_CHECKING:
    from homeport.cli.arguments.common import Commands

_MIGRATE: Final = """\
Runs the migrations that an environment's data lack: makes a backup and reads it back, stops the server, migrates a copy
of the data and verifies it, puts it in the place of the data, and starts the server. Whatever fails, or is killed, the
data are as before or migrated, and never between. A server that did not run is not started.

--dry-run does all of it on a copy that is thrown away: the rows that change in each table, how long it takes, and what
is not as it must be afterwards (exit code 4). --verify only asks the migrations that ran. Data that are newer than the
release are refused with exit code 78. The way back is the backup: homeport restore ENV BACKUP.
"""
_DATA_MIGRATE: Final = """\
Runs the migrations that an environment's data lack on the data themselves, in one transaction that stays only where
each of them finds what it must have left. This is what homeport migrate and homeport deploy have a release do, after
they saved the data. --beside lets a server have them open, where its release can live with all that is pending.
"""
_DATA_VERIFY: Final = """\
Asks every migration that ran on a data directory or a snapshot whether it is as it must be. Nothing in it is changed;
a server may have it open. Exit code 4 where something is wrong.
"""


def add_migrate(commands: Commands) -> None:
    """Adds ``homeport migrate``."""
    migrate = command(commands, "migrate", "run the migrations that an environment's data lack", _MIGRATE)
    migrate.add_argument("environment", metavar="ENV")
    one = migrate.add_mutually_exclusive_group()
    one.add_argument("--dry-run", action="store_true", help="on a copy that is thrown away; say what it would change")
    one.add_argument("--verify", action="store_true", help="only ask whether data are as the migrations left them")
    add_yes(migrate)
    migrate.set_defaults(module="migrate")


def add_data_migrations(actions: Commands) -> None:
    """Adds the actions of ``homeport data`` that a release runs on its own data."""
    migrate = command(actions, "migrate", "run the migrations that an environment's data lack", _DATA_MIGRATE)
    migrate.add_argument("environment", metavar="ENV")
    migrate.add_argument("--beside", action="store_true", help="a server that can live with them may run")
    migrate.add_argument("--data", metavar="DIR", help="where the data lie, instead of where they are declared to")
    verify = command(actions, "verify", "ask the migrations that ran whether data are as they must be", _DATA_VERIFY)
    verify.add_argument("directory", metavar="DIR")
    for action, one in (("migrate", migrate), ("verify", verify)):
        one.set_defaults(module="data_migrations", action=action)
