"""The plans of ``homeport deploy`` and ``homeport rollback``: one way, there and back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

from homeport.environments.backups.data_steps import DATA, Discard, KeepServed, Scratch, Settle
from homeport.environments.backups.steps import MakeBackup
from homeport.environments.environment import Environment
from homeport.environments.migrations.steps import CopyWhole, MigrateCopy, MigrateData
from homeport.environments.others import DemandOthers
from homeport.environments.plan import Plan
from homeport.environments.releases.release import Release
from homeport.environments.releases.steps import (
    WATCH_SECONDS,
    AwaitRelease,
    BuildRelease,
    HandOver,
    KeepDataAside,
    MarkRelease,
    MeasureServer,
    RehearseRelease,
)
from homeport.environments.services.steps import HEALTH_SECONDS, ComeBack, StartServer, StopServer
from homeport.environments.steps import Link, Ownership, Rename, Step

NOTE = "served.json"
"""Within the directory that a change of release works in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scripts:
    """Migrations that a release of another server brings, and the data that lack them.

    Attributes:
        pending: their names, in order.
        data: where the data really lie; links to them are followed.
        mode: of that directory.
        owner: of that directory.
    """

    pending: tuple[str, ...]
    data: PurePosixPath
    mode: int
    owner: Ownership


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What one change of release goes by.

    Attributes:
        environment: whose.
        release: the id of the one that comes.
        backup: the id of the backup to make; None where there are no data to save.
        scratch: a directory for the rehearsal, which does not exist; None where nothing can be rehearsed.
        socket: for the server of the rehearsal.
        seconds: how long the server may take.
        watch: how long it must stay well.
        slots: whether the server runs in slots that hand over to each other.
        units: whether these are units of systemd's, whose sandbox a rehearsal gets too.
        scripts: migrations of data that are not Homeport's; None where none is pending.
        blind: whether the release that serves does not know the data as they are, since another machine's deploy has
            brought them forward: then the one that comes saves them.
    """

    environment: Environment
    release: str
    backup: str | None
    scratch: PurePosixPath | None
    socket: PurePosixPath
    seconds: float = HEALTH_SECONDS
    watch: float = WATCH_SECONDS
    slots: bool = False
    units: bool = False
    scripts: Scripts | None = None
    blind: bool = False

    @property
    def aside(self) -> PurePosixPath:
        """Where the data are kept before a migration: beside them, on the same disk."""
        return self.beside(f"before-{self.release}")

    @property
    def work(self) -> PurePosixPath:
        """Where a copy of data that are not Homeport's is migrated."""
        return self.beside(f"migrating-{self.release}")

    @property
    def note(self) -> PurePosixPath | None:
        """Where it is noted how that release found them; None where they are not migrated so."""
        return self.work / NOTE if self.scripts is not None else None

    def beside(self, what: str) -> PurePosixPath:
        """A name next to the data directory, on the same file system."""
        data = self.environment.data_directory if self.scripts is None else self.scripts.data
        return data.with_name(f"{data.name}.{what}")


def plan_deploy(change: Change, build: BuildRelease) -> Plan:
    """Builds a release, tries it on a copy, and puts it in place; any failure goes the whole way back."""
    name = change.environment.name
    good = MarkRelease(name, change.release, "good", backup=change.backup)
    return _ended("deploy", change, (build, *others_live(change), *_exchange(change), good))


def plan_rollback(change: Change, current: Release | None, why: str) -> Plan:
    """Puts a release in place that is there; the one that served is noted as bad."""
    name = change.environment.name
    left = (MarkRelease(name, current.id, "bad", why or f"left for {change.release}"),) if current is not None else ()
    # Its own backup is that of its first time, and stays what its record names.
    good = MarkRelease(name, change.release, "good")
    return _ended("rollback", change, (*others_live(change), *_exchange(change), *left, good))


def others_live(change: Change) -> tuple[Step, ...]:
    """Servers of other machines can live with what the release makes of the data; where these are in a database."""
    name, release = change.environment.name, change.release
    return (DemandOthers(name, release),) if change.environment.database is not None else ()


def _ended(operation: str, change: Change, steps: tuple[Step, ...]) -> Plan:
    """The plan; where a copy of the data took their place, the others go when all is well, since a backup has them."""
    if change.scripts is None:
        return Plan(operation, change.environment.name, steps)
    gone = (Discard(change.aside), Discard(change.work))
    return Plan(operation, change.environment.name, (*steps, *gone), commits_after=len(steps))


def _exchange(change: Change) -> tuple[Step, ...]:
    environment, release = change.environment, change.release
    name, aside = environment.name, change.aside
    by = release if change.blind else ""
    backup = (MakeBackup(name, change.backup, "deploy", release=by),) if change.backup is not None else ()
    tried = rehearsal(change)
    target = environment.releases_directory / release
    if change.slots:
        return (
            *backup,
            *tried,
            MeasureServer(name),
            HandOver(name, release, target, aside, change.seconds),
            Link(environment.current_release, target),
            AwaitRelease(name, release, aside, change.seconds, change.watch),
        )
    return (
        *backup,
        *tried,
        MeasureServer(name),
        ComeBack(name, change.seconds),
        StopServer(name),
        *_migrating(change),
        Link(environment.current_release, target),
        *(
            (KeepServed(change.scripts.data, change.beside(f"left-{change.backup or release}")),)
            if change.scripts is not None
            else ()
        ),
        StartServer(name),
        AwaitRelease(name, release, aside, change.seconds, change.watch, note=change.note),
    )


def _migrating(change: Change) -> tuple[Step, ...]:
    """The data are brought to what the release demands: in their place, or those of another server as a copy."""
    name, release, scripts = change.environment.name, change.release, change.scripts
    if not change.environment.is_foreign:
        return (KeepDataAside(name, release, change.aside), MigrateData(name, release))
    if scripts is None:
        return ()
    work = change.work
    return (
        Scratch(work),
        CopyWhole(name, work),
        MigrateCopy(name, work, scripts.pending, release=release),
        Settle(work / DATA, scripts.mode, scripts.owner),
        Rename(scripts.data, change.aside),
        Rename(work / DATA, scripts.data),
    )


def rehearsal(change: Change, data: PurePosixPath | None = None) -> tuple[Step, ...]:
    """The trial of a release on a copy: of the environment's data, or of what is to take their place."""
    environment = change.environment
    if change.scratch is None:
        return ()
    unit = f"{environment.unit}-rehearsal" if change.units else ""
    socket = PurePosixPath("/run") / unit / "serve.sock" if unit else change.socket
    return (RehearseRelease(environment.name, change.release, change.scratch, socket, unit, data, change.blind),)
