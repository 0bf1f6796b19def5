"""The plan of a rollback to a release that cannot use the data as they are: they go back with it, to a backup."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

from homeport.contract.losses import DataLoss
from homeport.environments.backups.data_steps import DATA, DemandUnused, Discard, KeepServed, Scratch, Settle, Unpack
from homeport.environments.backups.database_steps import ExchangeDatabase, label
from homeport.environments.backups.losses import loses
from homeport.environments.backups.steps import MakeBackup
from homeport.environments.others import DemandOthers
from homeport.environments.plan import Plan
from homeport.environments.releases.plans import NOTE, Change, rehearsal
from homeport.environments.releases.release import Release
from homeport.environments.releases.steps import AwaitRelease, HandOver, MarkRelease, MeasureServer
from homeport.environments.services.steps import ComeBack, StartServer, StopServer
from homeport.environments.steps import Link, Ownership, Rename, Step


@dataclass(frozen=True, slots=True, kw_only=True)
class DataPoint:
    """The data that a release goes back with.

    Attributes:
        backup: the id of the backup that holds them.
        position: its last event.
        created: RFC 3339, when it was made.
        loss: what the data hold now that it does not; None where that cannot be counted.
        mode: of that directory.
        owner: of that directory.
    """

    backup: str
    position: int | None
    created: str
    loss: DataLoss | None
    mode: int
    owner: Ownership

    @property
    def loses(self) -> bool:
        """Whether something that was stored would be gone, or nobody can say that it would not."""
        return self.loss is None or loses(self.loss)


def kept_aside(change: Change) -> PurePosixPath:
    """Where the data lie afterwards that were left, until a person removes them."""
    return change.beside(f"before-rollback-{change.backup}")


def plan_rollback_with_data(change: Change, point: DataPoint, current: Release | None, why: str) -> Plan:
    """Puts a release in place that is there, and the data of a backup with it; any failure goes the whole way back.

    The data that are left are saved in a backup, and stay beside the new ones.
    """
    environment, release = change.environment, change.release
    if change.backup is None:
        raise ValueError("an environment without data has none to go back with")
    name, aside = environment.name, kept_aside(change)
    work = change.beside(f"going-back-{change.backup}")
    data, note = work / DATA, work / NOTE if environment.is_foreign else None
    left = (MarkRelease(name, current.id, "bad", why or f"left for {release}"),) if current is not None else ()
    nobody = (DemandOthers(name),) if environment.database is not None else ()
    steps = (
        *nobody,
        MakeBackup(name, change.backup, "rollback"),
        Scratch(work),
        Unpack(name, point.backup, work),
        Settle(data, point.mode, point.owner),
        *rehearsal(change, data),
        MeasureServer(name),
        *_exchange(change, point, data, aside),
        AwaitRelease(name, release, aside, change.seconds, change.watch, point.position, note),
        *left,
        MarkRelease(name, release, "good"),
    )
    return Plan("rollback", name, (*steps, Discard(work)), commits_after=len(steps))


def _exchange(change: Change, point: DataPoint, data: PurePosixPath, aside: PurePosixPath) -> tuple[Step, ...]:
    environment, release = change.environment, change.release
    name, target = environment.name, environment.releases_directory / release
    live = environment.data_directory
    link = Link(environment.current_release, target)
    if change.slots:
        over = HandOver(name, release, target, aside, change.seconds, data=data, position=point.position)
        return (over, link)
    served = change.beside(f"left-{release}")
    swap = ExchangeDatabase(name, live, data, served, label(aside, live))
    return (
        ComeBack(name, change.seconds),
        StopServer(name),
        DemandUnused(name, live),
        *((swap,) if environment.database is not None else ()),
        Rename(live, aside),
        Rename(data, live),
        link,
        KeepServed(live, served),
        StartServer(name),
    )
