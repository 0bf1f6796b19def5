"""The arguments of the parts of ``homeport data`` that work on databases as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from homeport.cli.arguments.common import add_dry_run, add_yes, command

if TYPE_CHECKING:
    from homeport.cli.arguments.common import Commands

_LOAD: Final = """\
Makes a snapshot into data that a server can open. Where it has a dump of a PostgreSQL database, that is restored into
a scratch database on the server of the environment, which the directory names from then on and which is swept once
the directory is gone. With --into it is a snapshot of ENV, of a file or of a database, and is brought into what ENV
keeps its data in now; every row is compared. Looks at every row, as data facts --deep does; exit code 4 where
something is wrong.
"""
_EXCHANGE: Final = """\
Puts the database of a copy in place of an environment's, which is kept under the name of the environment's with
LABEL behind it. Both are renamed in one transaction; who is connected is sent away, and a server is a reason to
refuse. --back takes it back. It is a step of restores and syncs, which do the rest too.
"""
_CONVERT: Final = """\
Makes a snapshot of data in a file into data in a scratch database, or a snapshot of data in a database into data in a
file, and compares every row of both. It is a step of data move, which does the rest too.
"""
_MOVE: Final = """\
Brings all data of an environment from its file into an empty PostgreSQL database (--to URL), or from its database into
a file (--to file), and writes homeport.toml accordingly. It tries on a copy first, says how long the server will be
away, and asks. Then: a backup, the server stops, the data are copied and every row is compared, the server runs on
them. Whatever fails, or is killed, data and declaration are as before. What the data were in stays, under another name.
"""
_SWEEP: Final = """\
Drops the scratch databases beside an environment's that nobody has any more: a drill or a restore that was killed
left them. Every operation on the environment's data does it too.
"""


def add_databases(actions: Commands) -> None:
    """Adds them."""
    load = command(actions, "load", "make a snapshot into data that a server can open", _LOAD)
    load.add_argument("directory", metavar="DIR")
    load.add_argument("--into", metavar="ENV", help="into what this environment keeps its data in")
    exchange = command(actions, "exchange", "put the database of a copy in place of an environment's", _EXCHANGE)
    exchange.add_argument("environment", metavar="ENV")
    exchange.add_argument("--data", metavar="DIR", required=True, help="the data directory")
    exchange.add_argument("--incoming", metavar="DIR", required=True, help="the directory of the copy")
    exchange.add_argument("--label", required=True, help="ends the name of what is kept")
    exchange.add_argument("--back", action="store_true", help="take it back")
    exchange.add_argument(
        "--served",
        metavar="DIR",
        help="with --back: where the copy lies if a server ran on it; what no server has written to is dropped then",
    )
    exchange.add_argument("--onto-empty", action="store_true", help="refuse where the environment's is not empty")
    drop = command(actions, "drop", "drop the database that an exchange kept")
    drop.add_argument("environment", metavar="ENV")
    drop.add_argument("--label", required=True)
    add_yes(drop)
    sweep = command(actions, "sweep", "drop scratch databases that nobody has any more", _SWEEP)
    sweep.add_argument("environment", metavar="ENV")
    sweep.add_argument("--url", help="beside this database instead of the declared one: a move there was killed")
    sweep.add_argument("--password-file", metavar="FILE", help="with the password for --url")
    convert = command(actions, "convert", "make a snapshot of data in a file into one in a database, or back", _CONVERT)
    convert.add_argument("directory", metavar="DIR")
    convert.add_argument("environment", metavar="ENV")
    kind = convert.add_mutually_exclusive_group(required=True)
    kind.add_argument("--url", help="of the database that is to take the data")
    kind.add_argument("--file", action="store_true", help="into a file")
    convert.add_argument("--password-file", metavar="FILE", help="with the password for the database")
    move = command(actions, "move", "bring an environment's data into a database, or back into a file", _MOVE)
    move.add_argument("environment", metavar="ENV")
    move.add_argument("--to", metavar="URL", required=True, help="of an empty database; or the word file")
    move.add_argument("--password-file", metavar="FILE", help="with the password for the database, mode 0600")
    add_dry_run(move)
    add_yes(move)
    move.set_defaults(module="move", action="move")
    for action, one in (("convert", convert), ("load", load), ("exchange", exchange), ("drop", drop), ("sweep", sweep)):
        one.set_defaults(module="dumps", action=action)
