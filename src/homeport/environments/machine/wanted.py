"""Every file that an environment wants on its machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

from homeport.environments.environment import Environment
from homeport.environments.machine.facts import MachineFacts
from homeport.environments.machine.nginx import include_line, snippet_file, snippet_text
from homeport.environments.machine.program import Program
from homeport.environments.machine.requests import request_texts
from homeport.environments.machine.rotation import rotation_file, rotation_text
from homeport.environments.machine.site import has_root_location
from homeport.environments.machine.timers import timer_texts
from homeport.environments.machine.units import SLOTS, UNITS_DIRECTORY, unit_texts
from homeport.environments.steps import Ownership

ROOT = Ownership("root", "root")


@dataclass(frozen=True, slots=True)
class WantedFile:
    """A file as it is to be; root's. What is derived is for everybody's eyes: nothing in it is secret."""

    path: PurePosixPath
    text: str
    mode: int = 0o644

    @property
    def is_unit(self) -> bool:
        return self.path.parent == UNITS_DIRECTORY


@dataclass(frozen=True, slots=True)
class WantedDirectory:
    """A directory that is needed."""

    path: PurePosixPath
    mode: int
    owner: Ownership


def wanted_files(environment: Environment, program: Program, facts: MachineFacts) -> tuple[WantedFile, ...]:
    """All files that are derived; the site is a person's, and none of them."""
    texts = {**unit_texts(environment, program), **timer_texts(environment, program)}
    texts |= request_texts(environment, program)
    files = [WantedFile(UNITS_DIRECTORY / name, text) for name, text in texts.items()]
    if environment.is_foreign and facts.has_logrotate:
        files.append(WantedFile(rotation_file(environment), rotation_text(environment)))
    if environment.proxy is not None:
        site = facts.nginx.site if facts.nginx is not None else None
        taken = site is not None and has_root_location(
            site.blocks, environment.proxy.server_name, include_line(environment.proxy)
        )
        text = snippet_text(environment, environment.proxy, root_is_taken=taken)
        files.append(WantedFile(snippet_file(environment, environment.proxy), text))
    return tuple(files)


def wanted_directories(environment: Environment) -> tuple[WantedDirectory, ...]:
    """What the server, the timers and nginx need, but for the journal's: that one is there before any plan is made.

    The server reads from it when the last good backup was made, so that it must be readable.
    """
    own = Ownership(environment.user, environment.user)
    found = [
        WantedDirectory(environment.data_directory, 0o700, own),
        WantedDirectory(environment.backups_directory, 0o700, ROOT),
        WantedDirectory(environment.logs_directory, 0o750, own),
    ]
    if environment.takes_webhooks:
        found.append(WantedDirectory(environment.requests_directory, 0o700, own))
    if environment.replica_directory is not None:
        found.append(WantedDirectory(environment.replication_directory, 0o700, own))
        found.append(WantedDirectory(environment.replica_directory, 0o700, own))
    if environment.proxy is not None:
        found.append(WantedDirectory(snippet_file(environment, environment.proxy).parent, 0o755, ROOT))
    return tuple(found)


def wanted_links(environment: Environment) -> tuple[PurePosixPath, ...]:
    """Links to what is run, where releases are: deploys change where they lead, so that they only must be there."""
    if not environment.runs_releases:
        return ()
    return (environment.current_release, *(environment.slot_link(slot) for slot in SLOTS))


def owned_directories(environment: Environment) -> tuple[PurePosixPath, ...]:
    """Those whose whole content belongs to the server's user."""
    return (environment.data_directory, environment.logs_directory)
