"""The arguments of ``homeport repository``, ``receive`` and ``poll``: branches that come by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from homeport.cli.arguments.common import add_dry_run, command

if TYPE_CHECKING:
    from homeport.cli.arguments.common import Commands

_REPOSITORY: Final = """\
Makes the bare git repository of this root (repository.git) that people push to, with a hook that brings what is pushed
to the environments that follow its branch (follow in homeport.toml). Run twice it changes nothing.
"""
_RECEIVE: Final = """\
What the repository's hook runs: reads what was pushed from stdin, as git gives it to post-receive, and brings each
branch to the environments that follow it. One that does not come up leaves the one before running, and says why.
"""
_POLL: Final = """\
Asks the remote of each environment that follows branches, and brings what is new, as a push would. A commit that did
not come up is not tried again. For a timer; homeport provision makes one where poll_schedule is declared.
"""


_REQUESTS: Final = """\
Brings the branches that signed webhooks asked for, as a poll of the remote would, and says why one does not come up. A
server only notes what is asked for; homeport provision makes a unit that runs this as soon as something is noted.
"""


def add_following(commands: Commands) -> None:
    """Adds the commands by which branches come to environments."""
    repository = command(commands, "repository", "make the git repository that people push to", _REPOSITORY)
    add_dry_run(repository)
    receive = command(commands, "receive", "what the repository's hook runs after a push", _RECEIVE)
    poll = command(commands, "poll", "bring what is new in the branches that environments follow", _POLL)
    poll.add_argument("environments", metavar="ENV", nargs="*", help="only these")
    requests = command(commands, "requests", "bring the branches that signed webhooks asked for", _REQUESTS)
    requests.add_argument("environment", metavar="ENV")
    for action, one in (("requests", requests), ("repository", repository), ("receive", receive), ("poll", poll)):
        one.set_defaults(module="receive", action=action)
