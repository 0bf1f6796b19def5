"""The arguments of the commands that look: ``homeport status``, ``logs``, ``log`` and ``doctor``; and of ``settle``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from homeport.cli.arguments.common import add_dry_run, add_yes, command, count, seconds

if TYPE_CHECKING:
    from homeport.cli.arguments.common import Commands

_STATUS: Final = """\
All environments side by side, or those that are named: version, health, who runs it, ports and who holds them, data,
backups. It changes nothing, and says what this user may not see.
"""
_LOG: Final = """\
What was done to environments by homeport, the latest last, from their journals: start, provision, backup and so on.
With an operation's id, that one with its steps. --verify checks that no record was changed or taken out; exit code 4
if one was.
"""
_SETTLE: Final = """\
Without ID: finishes or undoes what a run that was killed, or failed half way, left open in an environment; every other
command that changes it does so too, before it begins. Where that fails, exit code 5 says how the environment stands.

With ID and --why: ends an operation that can be neither finished nor undone, as things are. Nothing but the journal is
changed: what is half done stays where it lies, and restore, deploy and rollback work again. The journal keeps who
settled it, why, and how the environment stood; doctor and status show it until one of those has put things right.
What nobody has tried to finish or undo, and what waits for a choice (deploy --stay, --lose), is not settled.
"""
_DOCTOR: Final = """\
Looks at the machine (units and their journal, processes and what they have open, nginx, crontabs, directories, health,
backups) and holds it against the declaration. Each finding says what was seen, what comes of it, and what mends it.

Exit code 4 where something was found; with --nagios 0, 1 or 2. Run it as root: others see only their own processes.
"""


def add_looking(commands: Commands) -> None:
    """Adds the commands that only look."""
    status = command(commands, "status", "all environments side by side, as they are now", _STATUS)
    status.add_argument("environments", metavar="ENV", nargs="*", help="only these")
    status.add_argument("--watch", action="store_true", help="again and again, until Ctrl-C")
    status.add_argument("--every", metavar="SECONDS", type=seconds, default=2.0, help="between two looks; 2 by default")
    status.set_defaults(module="status")
    logs = command(commands, "logs", "what an environment's server has logged")
    logs.add_argument("environment", metavar="ENV")
    logs.add_argument("-n", "--lines", metavar="N", type=count, default=50, help="how many lines; 50 by default")
    logs.add_argument("-f", "--follow", action="store_true", help="go on with those that come, until Ctrl-C")
    logs.set_defaults(module="logs")
    log = command(commands, "log", "what was done to environments, from their journals", _LOG)
    log.add_argument("environment", metavar="ENV", nargs="?", help="only this one")
    log.add_argument("operation", metavar="ID", nargs="?", help="one operation, with its steps")
    log.add_argument("--verify", action="store_true", help="check that no record was changed or taken out")
    log.set_defaults(module="log")


def add_settle(commands: Commands) -> None:
    """Adds ``homeport settle``."""
    settle = command(commands, "settle", "end what an operation left open", _SETTLE)
    settle.add_argument("environment", metavar="ENV")
    settle.add_argument("operation", metavar="ID", nargs="?", help="the operation that is ended as things are")
    settle.add_argument("--why", metavar="TEXT", help="is kept in the journal, with who you are")
    add_dry_run(settle)
    add_yes(settle)
    settle.set_defaults(module="settle")


def add_doctor(commands: Commands) -> None:
    """Adds ``homeport doctor``."""
    doctor = command(commands, "doctor", "what is wrong with this machine, and the command that mends it", _DOCTOR)
    doctor.add_argument("environments", metavar="ENV", nargs="*", help="only these")
    doctor.add_argument("--fix", action="store_true", help="mend what can be mended without a decision")
    doctor.add_argument("--alarm", action="store_true", help="tell whoever is declared to be told; the timer does")
    doctor.add_argument("--nagios", action="store_true", help="one line and the exit code of a monitoring plugin")
    add_dry_run(doctor)
    doctor.set_defaults(module="doctor")
