"""The plans of drill, restore and sync: which steps, in which order, and from where on there is no way back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

from homeport.contract import Scrub
from homeport.contract.database import Keeping
from homeport.environments.backups.data_steps import (
    DATA,
    DemandUnused,
    Discard,
    KeepServed,
    PrepareData,
    Rehearse,
    Scratch,
    Settle,
    TakeSnapshot,
    Unpack,
    UnpackReplica,
)
from homeport.environments.backups.database_steps import DropDatabase, ExchangeDatabase, OwnScratches, label
from homeport.environments.backups.replication import Point
from homeport.environments.backups.steps import MakeBackup
from homeport.environments.others import DemandOthers
from homeport.environments.plan import Plan
from homeport.environments.services.steps import AwaitHealth, ComeBack, StartServer, StopServer
from homeport.environments.steps import Ownership, Rename, Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The data directory that is about to be exchanged, as it was found.

    Attributes:
        environment: whose.
        data: where it really lies; links to it are followed.
        stamp: names what is made beside it, in no other operation's way.
        exists: whether it is there.
        holds: whether there is anything in it.
        sound: whether it can be copied as its server would; if not, it is saved as files, with the server stopped.
        running: whether its server runs, or would if it could.
        mode: of the directory.
        owner: of the directory.
        database: whether the data are in a database, which is exchanged with the directory.
    """

    environment: str
    data: PurePosixPath
    stamp: str
    exists: bool
    holds: bool
    sound: bool
    running: bool
    mode: int
    owner: Ownership
    database: bool = False

    @property
    def keeping(self) -> Keeping:
        """What the environment keeps its data in."""
        return "database" if self.database else "file"

    def beside(self, what: str) -> PurePosixPath:
        """A name next to the data directory, on the same file system."""
        return self.data.with_name(f"{self.data.name}.{what}-{self.stamp}")


def plan_restore(
    target: Target, restored: str | Point, safety: str, place: str | None = None, keeping: Keeping | None = None
) -> Plan:
    """Puts a backup's data, or the replica's, in place of an environment's own, which are kept aside.

    Args:
        target: what it replaces.
        restored: the id of a backup, or a moment of the replica.
        safety: the id of the backup that is made first.
        place: where a backup's archive is read from; None for the backups directory.
        keeping: what the restored data are in; None where nobody says.
    """
    work, name = target.beside("restoring"), target.environment
    save = _save(target, safety, "restore")
    if isinstance(restored, Point):
        get: Step = UnpackReplica(name, restored.generation, restored.txid, restored.at.isoformat(), work)
    else:
        get = Unpack(name, restored, work, place, brought_into(keeping, target.keeping))
    ready = (Scratch(work), get, *_settle(target, work))
    # What is sound is saved first; what is not, with its server stopped, and that only once it is known what comes.
    saved = (*save, *ready, *_stop(target)) if target.sound else (*ready, *_stop(target), *save)
    steps = (*nobody_else(target), *saved, *exchange(target, work, kept_as("restore")))
    return Plan("restore", target.environment, (*steps, Discard(work)), commits_after=len(steps))


def plan_sync(target: Target, origin: str, scrub: Scrub, safety: str, keeping: Keeping | None = None) -> Plan:
    """Puts a snapshot of another environment in place of an environment's own data.

    Args:
        target: what it replaces.
        origin: the environment that is read.
        scrub: what is taken out of the copy.
        safety: the id of the backup that is made first.
        keeping: what the data of that environment are in; None where nobody says.
    """
    work, into = target.beside("syncing"), brought_into(keeping, target.keeping)
    # The copy is scrubbed beside the database that it is of.
    own = (OwnScratches(origin),) if keeping == "database" else ()
    prepare = PrepareData(target.environment, origin, work, scrub, into)
    take = (*own, Scratch(work), TakeSnapshot(origin, work), prepare)
    save = _save(target, safety, "sync")
    steps = (
        *nobody_else(target),
        *(*take, *_settle(target, work)),
        *(() if target.sound else _stop(target)),
        *save,
        *(_stop(target) if target.sound else ()),
        *exchange(target, work, kept_as("sync")),
    )
    gone = discard_kept(target, kept_as("sync")) if target.exists else ()
    return Plan("sync", target.environment, (*steps, *gone, Discard(work)), commits_after=len(steps))


def plan_drill(
    environment: str,
    backup: str,
    work: PurePosixPath,
    sockets: PurePosixPath,
    place: str | None = None,
    into: Keeping | None = None,
) -> Plan:
    """Restores a backup aside, serves it, and throws it away again.

    Args:
        environment: whose backup.
        backup: its id.
        work: a directory to make, on no path of the data.
        sockets: a directory to make, with a name short enough for a socket in it.
        place: where the archive is read from; None for the backups directory.
        into: what its data are brought into for that; None where they are in it, or nobody knows.
    """
    rehearse = Rehearse(environment, backup, work, sockets / "http", place, into)
    steps = (Scratch(work), Scratch(sockets), rehearse)
    return Plan("backup drill", environment, (*steps, Discard(sockets), Discard(work)), commits_after=len(steps))


def nobody_else(target: Target) -> tuple[Step, ...]:
    """No server of another machine has data open that are about to be exchanged; none can where they are in a file."""
    return (DemandOthers(target.environment),) if target.database else ()


def brought_into(keeping: Keeping | None, environment: Keeping) -> Keeping | None:
    """What data are brought into before a server is on them; None where they are in it, or nobody knows.

    Args:
        keeping: what they are in.
        environment: what the environment's are in.
    """
    return environment if keeping not in (None, environment) else None


def kept_as(operation: str) -> str:
    """What the name says of data that an operation has replaced."""
    return f"before-{operation}"


def exchange(target: Target, work: PurePosixPath, kept: str, *, onto_empty: bool = False) -> tuple[Step, ...]:
    """The new data in place of the old, and the server on them; until it is well, all of it can be taken back.

    Args:
        target: what is changed.
        work: the directory with the new data.
        kept: what the name says of what is put aside.
        onto_empty: whether the database that is put aside must be empty.
    """
    aside = (Rename(target.data, target.beside(kept)),) if target.exists else ()
    swap = ExchangeDatabase(
        target.environment,
        target.data,
        work / DATA,
        target.beside("failed"),
        label(target.beside(kept), target.data),
        onto_empty,
    )
    steps = (
        DemandUnused(target.environment, target.data),
        *((swap,) if target.database else ()),
        *aside,
        Rename(work / DATA, target.data),
    )
    if not target.running:
        return steps
    serve = (KeepServed(target.data, target.beside("failed")), StartServer(target.environment))
    return (*steps, *serve, AwaitHealth(target.environment))


def discard_kept(target: Target, kept: str) -> tuple[Step, ...]:
    """The data that :func:`exchange` kept are gone, directory and database."""
    database = (DropDatabase(target.environment, label(target.beside(kept), target.data)),) if target.database else ()
    return (Discard(target.beside(kept)), *database)


def _save(target: Target, safety: str, origin: str) -> tuple[Step, ...]:
    return (MakeBackup(target.environment, safety, origin, however_broken=True),) if target.holds else ()


def _stop(target: Target) -> tuple[Step, ...]:
    return (ComeBack(target.environment), StopServer(target.environment)) if target.running else ()


def _settle(target: Target, work: PurePosixPath) -> tuple[Step, ...]:
    return (Settle(work / DATA, target.mode, target.owner),)
