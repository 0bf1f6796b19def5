"""The arguments of ``homeport deploy``, ``rollback`` and ``releases``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from homeport.cli.arguments.common import add_dry_run, add_yes, command, seconds

if TYPE_CHECKING:
    from homeport.cli.arguments.common import Commands

_DEPLOY: Final = """\
Builds a release from a commit of the declared source, into a directory that does not change any more; makes a backup;
tries the release on a copy of the data; puts it in the place of the one that serves; and watches it. Whatever fails,
the previous release serves on, or again, and the cause is told.
"""
_ROLLBACK: Final = """\
Puts the release in place that served before, or the one that --to names, the same way: a backup, a trial on a copy of
the data, the exchange, and a watch. The code goes back; the data stay as they are where the release can use them. Where
it cannot, since a migration ran that it cannot live with, they go back too, to the newest backup from its time: it says
in numbers what would be lost, and asks, or wants --lose.
"""


def add_releases(commands: Commands) -> None:
    """Adds the commands that change which release serves, and the one that lists them."""
    deploy = command(commands, "deploy", "build a release from a commit, try it, and put it in place", _DEPLOY)
    deploy.add_argument("environment", metavar="ENV")
    deploy.add_argument("--ref", metavar="REF", help="a commit, tag or branch of the source; else what is checked out")
    deploy.add_argument(
        "--dirty", action="store_true", help="take changes that are in no commit, too; the release says so for ever"
    )
    deploy.add_argument(
        "--stay", action="store_true", help="only where a deploy could not go back: keep what serves and was stored"
    )
    deploy.add_argument("--lose", action="store_true", help="the same: go back, and lose what was stored since")
    rollback = command(commands, "rollback", "put the previous release in place again", _ROLLBACK)
    rollback.add_argument("environment", metavar="ENV")
    rollback.set_defaults(stay=False)
    rollback.add_argument("--lose", action="store_true", help="the data may go back too, and lose what it says")
    rollback.add_argument("--to", metavar="RELEASE", help="its id, or the beginning of its commit")
    for action, one in (("deploy", deploy), ("rollback", rollback)):
        one.add_argument("--why", metavar="TEXT", default="", help="what is remembered of the reason")
        one.add_argument(
            "--wait", metavar="SECONDS", type=seconds, default=60.0, help="until it is well; by default 60"
        )
        one.add_argument(
            "--watch", metavar="SECONDS", type=seconds, default=10.0, help="that it must stay well; 10 by default"
        )
        one.add_argument("--anyway", action="store_true", help="also where a check refuses; that is remembered")
        add_yes(one)
        add_dry_run(one)
        one.set_defaults(module="deploy", action=action)
    releases = command(commands, "releases", "the releases of an environment, which serves, and why each is kept")
    releases.add_argument("environment", metavar="ENV")
    releases.set_defaults(module="releases")
