"""The arguments of ``homeport data migrate`` and ``homeport data verify``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from homeport.cli.arguments.common import command

if TYPE_CHECKING:
    from homeport.cli.arguments.common import Commands

_DATA_MIGRATE: Final = """\
Runs the migrations that an environment's data lack on the data themselves, in one transaction that stays only where
each of them finds what it must have left. This is what homeport migrate and homeport deploy have a release do, after
they saved the data. --beside lets a server have them open, where its release can live with all that is pending.
"""
_DATA_VERIFY: Final = """\
Asks every migration that ran on a data directory or a snapshot whether it is as it must be. Nothing in it is changed;
a server may have it open. Exit code 4 where something is wrong.
"""


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
