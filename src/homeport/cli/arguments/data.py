"""The arguments of ``homeport data``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from homeport.cli.arguments.common import actions_of, add_dry_run, command
from homeport.cli.arguments.dumps import add_databases
from homeport.cli.arguments.migrations import add_data_migrations

if TYPE_CHECKING:
    from homeport.cli.arguments.common import Commands

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


def add_data(commands: Commands) -> None:
    """Adds ``homeport data`` and its actions."""
    data = command(commands, "data", "snapshots of data, what they hold, and an earlier server's data in and out")
    actions = actions_of(data)
    for action, text, preposition in (("import", _IMPORT, "from"), ("export", _EXPORT, "to")):
        one = command(actions, action, f"{preposition} a directory of the earlier server", text)
        one.add_argument("format", choices=["json-v1"], help="json-v1 is the only one")
        one.add_argument("directory", metavar="DIR")
        one.add_argument("environment", metavar="ENV")
        add_dry_run(one)
        one.set_defaults(module="data", action=action)
    snapshot = command(actions, "snapshot", "copy an environment's data while its server writes", _SNAPSHOT)
    snapshot.add_argument("environment", metavar="ENV")
    snapshot.add_argument("target", metavar="TARGET")
    facts = command(actions, "facts", "what a data directory or a snapshot holds, and whether it is sound", _FACTS)
    facts.add_argument("directory", metavar="DIR")
    facts.add_argument("--deep", action="store_true", help="look at every row and reference")
    lost = command(actions, "lost", "what restoring a backup would lose, in numbers", _LOST)
    lost.add_argument("environment", metavar="ENV")
    lost.add_argument("--position", metavar="N", type=int, required=True, help="of the backup")
    lost.add_argument("--position-at", metavar="TIME", help="when that event was, as the backup has it")
    lost.add_argument("--identity", metavar="ID", help="of the backup's data")
    lost.add_argument("--taken", metavar="TIME", help="when the backup was begun; webhooks and sign-ins have no events")
    lost.add_argument("--webhooks", metavar="N", type=int, help="how many it has: those that are gone count too")
    announce = command(actions, "announce", "send everybody a message from the environment itself")
    announce.add_argument("environment", metavar="ENV")
    announce.add_argument("--subject", required=True)
    announce.add_argument("--body", default="")
    announce.set_defaults(module="data", action="announce")
    for one in (snapshot, lost):
        one.add_argument("--data", metavar="DIR", help="where the data lie, instead of where they are declared to")
    prepare = command(actions, "prepare", "make a snapshot into data of another environment", _PREPARE)
    prepare.add_argument("directory", metavar="DIR")
    prepare.add_argument("--environment", metavar="TO", required=True, help="whose data they become")
    prepare.add_argument("--origin", metavar="FROM", required=True, help="whose data they are")
    prepare.add_argument("--scrub", choices=["none", "texts", "all"], default="none", help="none by default")
    upgrade = command(actions, "upgrade", "bring a snapshot to the schema of this version", _UPGRADE)
    upgrade.add_argument("directory", metavar="DIR")
    add_databases(actions)
    made = (("snapshot", snapshot), ("facts", facts), ("lost", lost), ("prepare", prepare), ("upgrade", upgrade))
    for action, one in made:
        one.set_defaults(module="snapshots", action=action)
    add_data_migrations(actions)
