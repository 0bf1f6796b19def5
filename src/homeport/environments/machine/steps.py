"""Steps that change a machine with systemd and nginx, and those that judge a candidate before it is in place."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

from homeport.environments.backups.database_steps import OwnScratches
from homeport.environments.services.steps import ComeBack
from homeport.environments.steps import Ownership, Step, step_kind

Way = Literal["forth", "back"]
"""When such a step acts: as it is carried out, or only when it is taken back.

What reads files that were replaced must do so after them, and again after they were put back. One step before the
files acts on the way back, one after them on the way forth.
"""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file as it is to be; no text where it is to be gone."""

    path: PurePosixPath
    text: str | None


@step_kind
@dataclass(frozen=True, slots=True)
class MakeUser(Step):
    """A system user with a group of its own, no home and no shell.

    Attributes:
        places: directories in which it will own something.
    """

    user: str
    places: tuple[PurePosixPath, ...] = ()

    def __str__(self) -> str:
        return f"make the system user {self.user}"


@step_kind
@dataclass(frozen=True, slots=True)
class RemoveUser(Step):
    """A system user that is gone; its number may become another user's, so that nothing of its places stays its own.

    Attributes:
        places: directories whose files become their directory's owner's, or root's.
    """

    user: str
    places: tuple[PurePosixPath, ...] = ()

    def __str__(self) -> str:
        return f"remove the system user {self.user}"


@step_kind
@dataclass(frozen=True, slots=True)
class GiveTree(Step):
    """A directory with all that is in it belongs to somebody; what is a link stays one, and is not followed.

    Attributes:
        only: paths in it; all of it where there are none.
    """

    path: PurePosixPath
    owner: Ownership
    only: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"give {self.path} with all that is in it to {self.owner}"


@step_kind
@dataclass(frozen=True, slots=True)
class JudgeUnits(Step):
    """Units that systemd finds no fault with; changes nothing."""

    candidates: tuple[Candidate, ...]

    def __str__(self) -> str:
        return f"have systemd judge {len(self.candidates)} units before they are in place"


@step_kind
@dataclass(frozen=True, slots=True)
class JudgeNginx(Step):
    """A configuration that nginx accepts, in a copy of the whole of it with the candidates in it; changes nothing."""

    candidates: tuple[Candidate, ...]

    def __str__(self) -> str:
        return "have nginx judge a copy of its whole configuration with the change in it"


@step_kind
@dataclass(frozen=True, slots=True)
class ProbeSandbox(Step):
    """A command that succeeds in the sandbox of a unit, and a directory that can be written there; changes nothing.

    Attributes:
        settings: lines of the unit that close it in.
        command: ends with 0 in there.
        writable: directories.
    """

    settings: tuple[tuple[str, str], ...]
    command: tuple[str, ...]
    writable: tuple[PurePosixPath, ...]

    def __str__(self) -> str:
        write = f"write into {', '.join(map(str, self.writable))}, and " if self.writable else ""
        return f"try the unit's sandbox: {write}run {self.command[0]}"


@step_kind
@dataclass(frozen=True, slots=True)
class SwitchUnit(Step):
    """A unit that starts with the machine or does not, and runs or does not; None leaves it as it is."""

    unit: str
    enabled: bool | None
    active: bool | None

    def __str__(self) -> str:
        words = []
        if self.active is not None:
            words.append("start" if self.active else "stop")
        if self.enabled is not None:
            words.append("have it start with the machine" if self.enabled else "not have it start with the machine")
        return f"{self.unit}: {' and '.join(words)}"


@step_kind
@dataclass(frozen=True, slots=True)
class ReloadUnits(Step):
    """systemd knows the units that are on the disk, and what ran with others runs with these.

    Attributes:
        way: when.
        sockets: to be started anew; the services are stopped for it.
        services: to be started anew.
    """

    way: Way
    sockets: tuple[str, ...] = ()
    services: tuple[str, ...] = ()

    def __str__(self) -> str:
        anew = ", ".join((*self.sockets, *self.services))
        return f"have systemd read its units{f', and start anew {anew}' if anew else ''}"


@step_kind
@dataclass(frozen=True, slots=True)
class ReloadNginx(Step):
    """nginx works with the configuration that is on the disk."""

    way: Way

    def __str__(self) -> str:
        return "have nginx read its configuration"


@step_kind
@dataclass(frozen=True, slots=True)
class AwaitAnswer(Step):
    """The environment answers that it is well; changes nothing.

    Attributes:
        url: of its health.
        environment: who must answer.
        says: what the answer of a server that is not ours must say besides a good status; None for ours.
        units: whose last words are told where it does not become well.
        seconds: how long it may take.
    """

    url: str
    environment: str
    says: tuple[tuple[str, str], ...] | None = None
    units: tuple[str, ...] = ()
    seconds: float = 30.0

    def __str__(self) -> str:
        return f"wait until {self.url} is healthy"


def acts_only_backwards(step: Step) -> bool:
    """Whether a step does nothing but when it is taken back; a plan is shown without such."""
    reloads_back = isinstance(step, ReloadUnits | ReloadNginx) and step.way == "back"
    return isinstance(step, ComeBack | OwnScratches) or reloads_back
