"""What restores, drills and syncs do to data, as steps: a directory of their own, and what goes into it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import ClassVar, Final

from homeport.contract import Scrub
from homeport.contract.database import Keeping
from homeport.environments.steps import Ownership, Step, step_kind

DATA: Final = "data"
"""Within an operation's own directory: what becomes a data directory."""


@step_kind
@dataclass(frozen=True, slots=True)
class Scratch(Step):
    """An empty directory of the operation's own, mode 0700; taken back with all that is in it."""

    path: PurePosixPath

    def __str__(self) -> str:
        return f"make the directory {self.path} to work in"


@step_kind
@dataclass(frozen=True, slots=True)
class Discard(Step):
    """A directory that :class:`Scratch` made, or data that are superseded and saved, is gone with all that is in it."""

    reversible: ClassVar[bool] = False
    path: PurePosixPath

    def __str__(self) -> str:
        return f"throw {self.path} away"


@step_kind
@dataclass(frozen=True, slots=True)
class Unpack(Step):
    """A backup's data lie in ``work/data``, every byte as it was written, examined, and fit for the release.

    They are in what the environment keeps its data in, be they saved from a file or from a database.

    Attributes:
        environment: whose backup.
        backup: its id.
        work: a directory that :class:`Scratch` made.
        place: where the archive is read from; None for the backups directory.
        into: what they are brought into, where it is known that they are in the other; for those who read the plan.
    """

    environment: str
    backup: str
    work: PurePosixPath
    place: str | None = None
    into: Keeping | None = None

    def __str__(self) -> str:
        source = f" from {self.place}" if self.place else ""
        return f"unpack the backup {self.backup}{source} into {self.work / DATA}{_brought(self.into)}, and examine it"


@step_kind
@dataclass(frozen=True, slots=True)
class UnpackReplica(Step):
    """``work/data`` are the data of one moment from the replica, examined, and fit for the release.

    Attributes:
        environment: whose replica.
        generation: the name of the history.
        txid: Litestream's number of the moment.
        at: when that was, RFC 3339.
        work: a directory that :class:`Scratch` made.
    """

    environment: str
    generation: str
    txid: str
    at: str
    work: PurePosixPath

    def __str__(self) -> str:
        return f"restore {self.environment} as of {self.at} from its replica into {self.work / DATA}, and examine it"


@step_kind
@dataclass(frozen=True, slots=True)
class TakeSnapshot(Step):
    """``work/data`` is a snapshot of an environment's data, which are only read."""

    environment: str
    work: PurePosixPath

    def __str__(self) -> str:
        return f"take a snapshot of {self.environment} into {self.work / DATA}"


@step_kind
@dataclass(frozen=True, slots=True)
class PrepareData(Step):
    """The snapshot in ``work/data`` is data of another environment, without what does not belong there.

    Only then, where that environment keeps its data in a file and not in a database, or the other way round, are they
    brought into that.

    Attributes:
        environment: whose data they become.
        origin: whose they were.
        work: a directory that :class:`Scratch` made.
        scrub: what is taken out.
        into: what they are brought into, where they are in the other; for those who read the plan.
    """

    environment: str
    origin: str
    work: PurePosixPath
    scrub: Scrub
    into: Keeping | None = None

    def __str__(self) -> str:
        then = _brought(self.into, "then")
        return f"make {self.work / DATA} into data of {self.environment} (scrub: {self.scrub}){then}"


@step_kind
@dataclass(frozen=True, slots=True)
class Settle(Step):
    """All in a directory has this owner, and the directory itself this mode."""

    path: PurePosixPath
    mode: int
    owner: Ownership

    def __str__(self) -> str:
        return f"give {self.path} to {self.owner}, mode {self.mode:04o}"


@step_kind
@dataclass(frozen=True, slots=True)
class DemandUnused(Step):
    """Nobody has the data of an environment open."""

    environment: str
    path: PurePosixPath

    def __str__(self) -> str:
        return f"make sure that nobody has {self.path} open"


@step_kind
@dataclass(frozen=True, slots=True)
class KeepServed(Step):
    """Nothing now; taken back, what a server may have written to by then is not thrown away but lies at ``target``."""

    source: PurePosixPath
    target: PurePosixPath

    def __str__(self) -> str:
        return f"keep what was served as {self.target}, should a later step fail"


@step_kind
@dataclass(frozen=True, slots=True)
class Rehearse(Step):
    """A backup was restored aside, examined and served, and its record says what came of it.

    Attributes:
        environment: whose backup.
        backup: its id.
        work: a directory that :class:`Scratch` made.
        socket: where the server on the copy answers; within a directory that :class:`Scratch` made.
        place: where the archive is read from; None for the backups directory.
        into: see :class:`Unpack`.
    """

    environment: str
    backup: str
    work: PurePosixPath
    socket: PurePosixPath
    place: str | None = None
    into: Keeping | None = None

    def __str__(self) -> str:
        source = f" from {self.place}" if self.place else ""
        place = f"{self.work / DATA}{_brought(self.into)}"
        return f"restore the backup {self.backup}{source} into {place}, serve it there, and ask it"


def _brought(into: Keeping | None, when: str = "") -> str:
    """What is said of data that were in a file and come into a database, or the other way round."""
    return f", {f'{when} ' if when else ''}bring it into a {into}, comparing every row" if into else ""
