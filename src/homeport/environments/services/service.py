"""What runs as an environment's server: Homeport's own program or another one, from where, and run by whom."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from homeport.environments.paths import absolute
from homeport.environments.settings import EnvironmentSettings, ServiceKind

CURRENT: Final = "current"
"""In an environment's directory, the link to the release that serves."""
SLOTS_DIRECTORY: Final = "slots"
"""There too: what each slot of its unit runs."""
_OWN_INSTALL: Final = ("scripts/install", ".venv", "requirements/runtime.lock", "--with-project")


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """The settings of an environment's server. All paths are absolute and normalised.

    Attributes:
        kind: who runs it; ``auto`` is decided on the machine.
        command: of a server that is not Homeport's own; empty for Homeport's own.
        working_directory: where it is started.
        variables: what it finds in its environment besides what is there; names and texts.
        health: a path that begins with a slash, or a URL.
        health_says: what another server's answer must say besides a good status; names and texts.
        checkout: the git checkout that it runs from.
        branch: the branch that the checkout follows; None for the one that is checked out.
        install: what is run in the checkout after it was brought forward, or in a new release; empty for nothing.
        source: the git repository that releases are built from; None where none are.
        migrations: the directory of what migrates another server's data; None where nothing does.
        keep_releases: how many good ones stay.
    """

    kind: ServiceKind
    command: tuple[str, ...]
    working_directory: PurePosixPath
    variables: tuple[tuple[str, str], ...]
    health: str
    health_says: tuple[tuple[str, str], ...]
    checkout: PurePosixPath | None
    branch: str | None
    install: tuple[str, ...]
    source: PurePosixPath | None
    migrations: PurePosixPath | None
    keep_releases: int

    def as_json(self) -> dict[str, object]:
        """For ``homeport config show``; of the variables only the names, whatever somebody wrote into them."""
        return {
            "service": self.kind,
            "command": list(self.command),
            "working_directory": str(self.working_directory),
            "variables": [name for name, _ in self.variables],
            "health": self.health,
            "health_says": dict(self.health_says),
            "checkout": str(self.checkout) if self.checkout is not None else None,
            "branch": self.branch,
            "install": list(self.install),
            "source": str(self.source) if self.source is not None else None,
            "migrations": str(self.migrations) if self.migrations is not None else None,
            "keep_releases": self.keep_releases,
        }


def make_service(settings: EnvironmentSettings, root: PurePosixPath, directory: PurePosixPath) -> Service:
    """Fills what was not declared.

    Args:
        settings: valid.
        root: that relative paths begin at.
        directory: of the environment.
    """
    checkout = absolute(root, settings.checkout) if settings.checkout else None
    declared = settings.working_directory
    released = directory / CURRENT if settings.source and settings.command else directory
    own_install = _OWN_INSTALL if checkout is not None and not settings.command else ()
    where = absolute(root, declared) if declared else checkout or released
    return Service(
        kind=settings.service,
        command=tuple(settings.command),
        working_directory=where,
        variables=tuple(settings.variables.items()),
        health=settings.health,
        health_says=tuple(settings.health_says.items()),
        checkout=checkout,
        branch=settings.branch or None,
        install=tuple(settings.install) if settings.install is not None else own_install,
        source=absolute(root, settings.source) if settings.source else None,
        migrations=absolute(where, settings.migrations) if settings.migrations else None,
        keep_releases=settings.keep_releases,
    )


def find_service_faults(settings: EnvironmentSettings) -> list[tuple[str, str]]:
    """Settings that say something of what is not there, each with a sentence."""
    faults = []
    if settings.command and not settings.command[0]:
        faults.append(("command", "begins with an empty text; the first is the program"))
    if settings.install and not settings.install[0]:
        faults.append(("install", "begins with an empty text; the first is the program"))
    foreign = (
        ("migrations", settings.migrations, "a release of Homeport brings its own"),
        ("health_says", settings.health_says, "Homeport's own is judged whole"),
        ("health", settings.health != "/health", "Homeport's own answers at /health"),
    )
    for setting, declared, why in foreign:
        if declared and not settings.command:
            faults.append((setting, f"is for a server with a command of its own; {why}"))
    for setting, value in (("branch", settings.branch), ("install", settings.install)):
        if value and not (settings.checkout or settings.source):
            faults.append((setting, "needs a checkout or a source; without one there is nothing to bring forward"))
    if settings.backup.continuous and settings.command:
        faults.append(("backup.continuous", "is for Homeport's own server: of another one nobody knows the database"))
    faults += _drill_faults(settings)
    if settings.source and settings.checkout:
        faults.append(("source", "is for releases, and checkout for a server that runs from it; declare one of them"))
    faults += _find_follow_faults(settings)
    if settings.source and settings.install and not settings.command:
        faults.append(("install", "is for a server with a command of its own; a release of Homeport installs its lock"))
    return faults


def _find_follow_faults(settings: EnvironmentSettings) -> list[tuple[str, str]]:
    follow, faults = settings.follow, list[tuple[str, str]]()
    if follow.branches and not (settings.checkout or settings.source):
        faults.append(("follow", "needs a checkout or a source, which the branches are brought to"))
    if not follow.branches and (follow.remote or follow.poll_schedule or follow.webhook_secret):
        faults.append(("follow", "says of no branches that they are followed; branches names them"))
    if follow.webhook_secret and settings.command:
        faults.append(("follow", "webhook_secret is for Homeport's own server, which takes them; poll_schedule is not"))
    return faults


def _drill_faults(settings: EnvironmentSettings) -> list[tuple[str, str]]:
    backup = settings.backup
    if not backup.drill_command:
        return [("backup.drill_variables", "is for a drill_command")] if backup.drill_variables else []
    if not settings.command:
        return [("backup.drill_command", "is for a server with a command of its own; Homeport's own is served anyway")]
    given = " ".join((*backup.drill_command, *backup.drill_variables.values()))
    return [
        ("backup.drill_command", f"says nowhere {name}, so that {what}")
        for name, what in (("{data}", "it would serve the live data"), ("{port}", "nobody could ask it"))
        if name not in given
    ]
