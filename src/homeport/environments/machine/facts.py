"""What a machine holds of an environment, as :mod:`homeport.host.machine` finds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from homeport.environments.machine.record import Record
from homeport.environments.machine.site import SiteFile
from homeport.environments.steps import Ownership


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file that stands where one is wanted.

    Attributes:
        text: None where it is no text that this user can read.
    """

    text: str | None
    mode: int


@dataclass(frozen=True, slots=True)
class FoundDirectory:
    """A directory that stands where one is needed.

    Attributes:
        strangers: how many entries in it, itself included, are not its owner's as declared; 0 also where nobody asked.
    """

    mode: int
    owner: Ownership
    strangers: int = 0


@dataclass(frozen=True, slots=True)
class UnitState:
    """What systemd says of a unit.

    Attributes:
        known: whether it has a file for it.
        stale: whether that file changed since it was read.
        replaced: files that change it besides its own: drop-ins.
    """

    known: bool = False
    enabled: bool = False
    active: bool = False
    stale: bool = False
    replaced: tuple[PurePosixPath, ...] = ()


@dataclass(frozen=True, slots=True)
class NginxFacts:
    """nginx, where it is installed.

    Attributes:
        active: whether it runs as the unit nginx.service.
        site: the declared file with the server block; None where it does not exist.
    """

    active: bool
    site: SiteFile | None


@dataclass(frozen=True, slots=True)
class MachineFacts:
    """All of it.

    Attributes:
        users: those of the asked ones that exist.
        files: by path, of the wanted and the recorded ones; what is missing is not in it.
        directories: by path, of the needed ones; what is missing is not in it.
        units: by name.
        ports_held: by port, who else holds it, in words.
        closed: sentences about what the server's user could not reach.
        lacking: sentences about what is declared to be there and is not, each with what to do.
        nginx: None where it is not installed, or not asked for.
        record: of the last provision; None where there was none.
        links: by path, where those lead to that are needed and there.
        has_release: whether there is something to run; not so where the first release is yet to come.
        has_logrotate: whether logs are rotated by logrotate here.
    """

    users: frozenset[str] = frozenset()
    files: Mapping[PurePosixPath, FoundFile] = field(default_factory=dict)
    directories: Mapping[PurePosixPath, FoundDirectory] = field(default_factory=dict)
    units: Mapping[str, UnitState] = field(default_factory=dict)
    ports_held: Mapping[int, str] = field(default_factory=dict)
    closed: tuple[str, ...] = ()
    lacking: tuple[tuple[str, str], ...] = ()
    nginx: NginxFacts | None = None
    record: Record | None = None
    has_logrotate: bool = False
    links: Mapping[PurePosixPath, PurePosixPath] = field(default_factory=dict)
    has_release: bool = True

    def unit(self, name: str) -> UnitState:
        """The state of a unit; one that nobody knows is neither enabled nor active."""
        return self.units.get(name, UnitState())
