"""The plans of ``homeport deploy`` and ``homeport rollback``: one way, there and back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

from homeport.environments.backups.steps import MakeBackup
from homeport.environments.environment import Environment
from homeport.environments.migrations.steps import MigrateData
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
from homeport.environments.steps import Link, Step


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
    """

    environment: Environment
    release: str
    backup: str | None
    scratch: PurePosixPath | None
    socket: PurePosixPath
    seconds: float = HEALTH_SECONDS
    watch: float = WATCH_SECONDS
    slots: bool = False

    @property
    def aside(self) -> PurePosixPath:
        """Where the data are kept before a migration: beside them, on the same disk."""
        data = self.environment.data_directory
        return data.with_name(f"{data.name}.before-{self.release}")


def plan_deploy(change: Change, build: BuildRelease) -> Plan:
    """Builds a release, tries it on a copy, and puts it in place; any failure goes the whole way back."""
    name = change.environment.name
    good = MarkRelease(name, change.release, "good", backup=change.backup)
    return Plan("deploy", name, (build, *_exchange(change), good))


def plan_rollback(change: Change, current: Release | None, why: str) -> Plan:
    """Puts a release in place that is there; the one that served is noted as bad."""
    name = change.environment.name
    left = (MarkRelease(name, current.id, "bad", why or f"left for {change.release}"),) if current is not None else ()
    # Its own backup is that of its first time, and stays what its record names.
    return Plan("rollback", name, (*_exchange(change), *left, MarkRelease(name, change.release, "good")))


def _exchange(change: Change) -> tuple[Step, ...]:
    environment, release = change.environment, change.release
    name, aside = environment.name, change.aside
    backup = (MakeBackup(name, change.backup, "deploy"),) if change.backup is not None else ()
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
        *((KeepDataAside(name, release, aside), MigrateData(name, release)) if not environment.is_foreign else ()),
        Link(environment.current_release, target),
        StartServer(name),
        AwaitRelease(name, release, aside, change.seconds, change.watch),
    )


def rehearsal(change: Change, data: PurePosixPath | None = None) -> tuple[Step, ...]:
    """The trial of a release on a copy: of the environment's data, or of what is to take their place."""
    environment = change.environment
    if change.scratch is None:
        return ()
    unit = f"{environment.unit}-rehearsal" if change.slots else ""
    socket = PurePosixPath("/run") / unit / "serve.sock" if unit else change.socket
    return (RehearseRelease(environment.name, change.release, change.scratch, socket, unit, data),)
