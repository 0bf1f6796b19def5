"""What adopting depends on, as :mod:`homeport.host.adoption.gathering` finds it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

from homeport.environments.doctor.live import LiveData
from homeport.environments.machine.facts import MachineFacts


@dataclass(frozen=True, slots=True)
class ByHand:
    """A process that serves an environment and is of no unit.

    Attributes:
        pid: of the process that is to be ended: the holder of the port, or the ``homeport up`` that looks after it.
        started: when it began, in ticks since the machine booted; with the pid it tells one process from another.
        command: in words, for people.
        user: whom it runs as.
        directory: where it works; None where that is not known.
        ports: that it, or a child of it, listens on.
    """

    pid: int
    started: int
    command: str
    user: str
    directory: PurePosixPath | None
    ports: tuple[int, ...]

    def __str__(self) -> str:
        where = f" in {self.directory}" if self.directory else ""
        return f"process {self.pid} ({self.command}){where}"


@dataclass(frozen=True, slots=True)
class OldUnit:
    """A service unit of somebody's that would run this environment too.

    Attributes:
        file: where it stands.
        ours_to_move: whether the file is where an administrator puts units, so that it may be kept aside.
    """

    name: str
    file: PurePosixPath | None
    enabled: bool
    active: bool
    ours_to_move: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AdoptionFacts:
    """All of it.

    Attributes:
        machine: what provision knows of it.
        processes: what was started by hand and holds a port of the environment.
        managed_by: the unit that holds one; None where none does.
        strangers: sentences about holders that are none of its servers.
        live: where the server's data are, and how one knows; None where nothing tells.
        holds_data: whether the declared data directory holds anything.
        old_units: that are to be retired.
        closed: sentences about what the unit's user could not reach.
    """

    machine: MachineFacts
    processes: tuple[ByHand, ...] = ()
    managed_by: str | None = None
    strangers: tuple[str, ...] = ()
    live: LiveData | None = None
    holds_data: bool = False
    old_units: tuple[OldUnit, ...] = ()
    closed: tuple[str, ...] = ()
