"""Carries out the steps of releases."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from homeport.environments.environment import Environment
from homeport.environments.migrations.steps import MigrateData
from homeport.environments.releases.figures import Figures
from homeport.environments.releases.release import Release
from homeport.environments.releases.steps import (
    AwaitRelease,
    BuildRelease,
    ClearRehearsal,
    DemandNothingLost,
    FailRelease,
    HandOver,
    KeepDataAside,
    MarkRelease,
    MeasureServer,
    PutDataBack,
    RehearseRelease,
)
from homeport.environments.steps import Step
from homeport.errors import HomeportError
from homeport.host.data.program import release_program
from homeport.host.hands import Hands
from homeport.host.health import ask_environment
from homeport.host.releases.aside import demand_nothing_lost, drop, is_whole, keep_aside, put_back, was_migrated
from homeport.host.releases.building import build
from homeport.host.releases.current import program_of
from homeport.host.releases.handing_over import HandOverer
from homeport.host.releases.measuring import measure
from homeport.host.releases.migrating import migrate_live
from homeport.host.releases.rehearsing import clear, facts_of, rehearse
from homeport.host.releases.served import demand_nothing_served, note_served
from homeport.host.releases.shelf import ReleaseShelf
from homeport.host.releases.watching import await_release
from homeport.host.services.service import ServiceManager


@dataclass(frozen=True, slots=True)
class ReleaseSurroundings:
    """What releases of one environment are changed with.

    Attributes:
        environment: whose.
        file: the declaration.
        manager: answers who runs its server.
        declared: another environment of the declaration, by its name.
        now: the clock.
        pause: waits for so many seconds.
    """

    environment: Environment
    file: Path
    manager: Callable[[], ServiceManager]
    declared: Callable[[str], Environment]
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    pause: Callable[[float], None] = time.sleep

    @property
    def shelf(self) -> ReleaseShelf:
        """Where its releases stand."""
        return ReleaseShelf(Path(self.environment.releases_directory))

    @property
    def serving(self) -> tuple[str, ...]:
        """What runs the ``homeport`` of the release that serves."""
        return release_program(self.environment, self.file)

    def program(self, release: str) -> tuple[str, ...]:
        """The same of another release."""
        return program_of(self.environment, self.file, release)

    def known(self, release: str) -> Release:
        """What is known of a release.

        Raises:
            HomeportError: nothing is.
        """
        found = self.shelf.find(release)
        if found is None:
            raise HomeportError(f"{self.environment.name} has no release {release}.")
        return found


class Builder:
    """:class:`BuildRelease`."""

    def __init__(self, around: ReleaseSurroundings) -> None:
        self._around = around

    def inverse(self, step: BuildRelease) -> tuple[Step, ...]:
        return (FailRelease(step),)

    def apply(self, step: BuildRelease) -> None:
        build(self._around.environment, step)
        if self._around.shelf.find(step.release) is None:
            self._around.shelf.write(described(step, self._around))


class Failer:
    """:class:`FailRelease`."""

    def __init__(self, around: ReleaseSurroundings) -> None:
        self._around = around

    def inverse(self, step: FailRelease) -> tuple[Step, ...]:
        return ()

    def apply(self, step: FailRelease) -> None:
        shelf = self._around.shelf
        shelf.tidy()
        known = shelf.find(step.build.release) or described(step.build, self._around)
        shelf.write(replace(known, state="failed", reason=known.reason or "Its deploy failed or was killed."))


class Rehearser:
    """:class:`RehearseRelease`."""

    def __init__(self, around: ReleaseSurroundings) -> None:
        self._around = around

    def inverse(self, step: RehearseRelease) -> tuple[Step, ...]:
        return (ClearRehearsal(step.scratch, step.unit),)

    def apply(self, step: RehearseRelease) -> Mapping[str, Any]:
        around = self._around
        return rehearse(around.environment, step, around.file, around.serving, around.program(step.release))


class Clearer:
    """:class:`ClearRehearsal`."""

    def inverse(self, step: ClearRehearsal) -> tuple[Step, ...]:
        return ()

    def apply(self, step: ClearRehearsal) -> None:
        clear(Path(step.scratch), step.unit)


class AsideKeeper:
    """:class:`KeepDataAside`."""

    def __init__(self, around: ReleaseSurroundings) -> None:
        self._around = around

    def inverse(self, step: KeepDataAside) -> tuple[Step, ...]:
        # A copy that an earlier deploy left is none of this one's.
        drop(Path(step.aside))
        return (PutDataBack(step.environment, step.aside),)

    def apply(self, step: KeepDataAside) -> Mapping[str, Any] | None:
        around = self._around
        if not Path(around.environment.identity_file).exists():
            return None
        facts = facts_of(around.program(step.release), Path(around.environment.data_directory))
        if facts.get("previous_release_can_run", not facts["pending_migrations"]):
            # The way back is the release before, on the data as they are then.
            return None
        keep_aside(around.environment, around.serving, Path(step.aside))
        return {"migrations": facts["pending_migrations"]}


class DataMigrator:
    """:class:`MigrateData`."""

    def __init__(self, around: ReleaseSurroundings) -> None:
        self._around = around

    def inverse(self, step: MigrateData) -> tuple[Step, ...]:
        return ()

    def apply(self, step: MigrateData) -> Mapping[str, Any] | None:
        environment = self._around.environment
        if not Path(environment.identity_file).exists():
            return None
        return {"migrated": migrate_live(environment, self._around.program(step.release), beside=False)["ran"]}


class BackPutter:
    """:class:`PutDataBack`."""

    def __init__(self, around: ReleaseSurroundings) -> None:
        self._around = around

    def inverse(self, step: PutDataBack) -> tuple[Step, ...]:
        return ()

    def apply(self, step: PutDataBack) -> None:
        around = self._around
        if is_whole(Path(step.aside)) and not was_migrated(around.environment, around.serving, Path(step.aside)):
            drop(Path(step.aside))
        put_back(around.environment, around.serving, Path(step.aside))


class LossDemander:
    """:class:`DemandNothingLost`."""

    def __init__(self, around: ReleaseSurroundings) -> None:
        self._around = around

    def inverse(self, step: DemandNothingLost) -> tuple[Step, ...]:
        return ()

    def apply(self, step: DemandNothingLost) -> None:
        around = self._around
        if around.environment.is_foreign:
            demand_nothing_served(around.environment, step)
            return
        demand_nothing_lost(around.environment, around.program(step.release), step)


@dataclass(slots=True)
class Seen:
    """What one step sees, and a later one of the same run compares with."""

    figures: Figures | None = None


class Measurer:
    """:class:`MeasureServer`."""

    def __init__(self, around: ReleaseSurroundings, seen: Seen) -> None:
        self._around = around
        self._seen = seen

    def inverse(self, step: MeasureServer) -> tuple[Step, ...]:
        return ()

    def apply(self, step: MeasureServer) -> Mapping[str, Any] | None:
        self._seen.figures = measure(self._around.manager(), self._around.environment)
        return None if self._seen.figures is None else self._seen.figures.as_json()


class Awaiter:
    """:class:`AwaitRelease`."""

    def __init__(self, around: ReleaseSurroundings, seen: Seen) -> None:
        self._around = around
        self._seen = seen

    def inverse(self, step: AwaitRelease) -> tuple[Step, ...]:
        if not self._is_kept(step):
            return ()
        return (DemandNothingLost(step.environment, step.release, step.aside, step.position, step.note),)

    def apply(self, step: AwaitRelease) -> Mapping[str, Any]:
        around = self._around
        environment = around.environment

        def well() -> None:
            if step.note is not None:
                note_served(environment, Path(step.note))

        return await_release(around.manager(), environment, step, self._seen.figures, well=well, pause=around.pause)

    def _is_kept(self, step: AwaitRelease) -> bool:
        """Whether there are other data that one could go back to."""
        aside = Path(step.aside)
        return aside.is_dir() if step.note is not None else is_whole(aside)


class Marker:
    """:class:`MarkRelease`."""

    def __init__(self, around: ReleaseSurroundings) -> None:
        self._around = around

    def inverse(self, step: MarkRelease) -> tuple[Step, ...]:
        known = self._around.known(step.release)
        return (MarkRelease(step.environment, step.release, known.state, known.reason, known.backup),)

    def apply(self, step: MarkRelease) -> None:
        around = self._around
        known = around.known(step.release)
        marked = replace(known, state=step.state, reason=step.reason, backup=step.backup or known.backup)
        if step.state == "good":
            schema = ask_environment(around.environment).payload.get("schema_version")
            served = around.now().isoformat(timespec="milliseconds")
            marked = replace(marked, served=served, schema=schema if isinstance(schema, str) else known.schema)
        around.shelf.write(marked)


def described(step: BuildRelease, around: ReleaseSurroundings) -> Release:
    """What is known of a release that was just built, or could not be."""
    return Release(
        id=step.release,
        environment=step.environment,
        commit=step.base or step.commit,
        source=str(step.source),
        created=around.now().isoformat(timespec="milliseconds"),
        by=step.by,
        why=step.why,
        dirty=step.dirty,
        settings=around.file.read_text(encoding="utf-8"),
    )


def release_hands(around: ReleaseSurroundings) -> Hands:
    """The hands for the steps of releases."""
    seen = Seen()
    return {
        BuildRelease: Builder(around),
        FailRelease: Failer(around),
        RehearseRelease: Rehearser(around),
        ClearRehearsal: Clearer(),
        KeepDataAside: AsideKeeper(around),
        PutDataBack: BackPutter(around),
        DemandNothingLost: LossDemander(around),
        HandOver: HandOverer(around.environment, around.program, lambda: around.serving, around.manager),
        MigrateData: DataMigrator(around),
        MeasureServer: Measurer(around, seen),
        AwaitRelease: Awaiter(around, seen),
        MarkRelease: Marker(around),
    }
