"""The steps of restore, drill and sync that know what a backup or a snapshot is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from homeport.environments.backups.data_steps import DATA, PrepareData, Rehearse, TakeSnapshot, Unpack
from homeport.environments.backups.steps import AbandonBackup, MakeBackup
from homeport.environments.steps import Step
from homeport.errors import HomeportError
from homeport.host.archives.sealing import Identity
from homeport.host.backups.creating import BackupAbandoner, BackupMaker, Surroundings
from homeport.host.backups.drilling import rehearse_backup
from homeport.host.backups.source import live_source
from homeport.host.backups.unpacking import check_fit, unpack
from homeport.host.hands import Hands

Find = Callable[[str], Surroundings]
"""From an environment's name to what its backups are made with."""

Program = Callable[[str], Sequence[str]]
"""From a release's id to what runs its ``homeport``."""


def _no_release(release: str) -> Sequence[str]:
    raise HomeportError(f"Nothing here knows the release {release}.")


class Unpacker:
    """:class:`Unpack`."""

    def __init__(self, find: Find, identities: Sequence[Identity]) -> None:
        self._find = find
        self._identities = identities

    def inverse(self, step: Unpack) -> tuple[Step, ...]:
        return ()

    def apply(self, step: Unpack) -> Mapping[str, Any]:
        around = self._find(step.environment)
        unpacked = unpack(around, step.backup, Path(step.work), step.place, self._identities)
        check_fit(around, unpacked)
        return {"files": len(unpacked.manifest.files), "pending": list(unpacked.description.pending)}


class SnapshotTaker:
    """:class:`TakeSnapshot`."""

    def __init__(self, find: Find) -> None:
        self._find = find

    def inverse(self, step: TakeSnapshot) -> tuple[Step, ...]:
        return ()

    def apply(self, step: TakeSnapshot) -> Mapping[str, Any]:
        around = self._find(step.environment)
        around.progress("copying", 0)
        found = around.seam.snapshot(live_source(around.environment), Path(step.work) / DATA)
        if found.problems:
            raise HomeportError(f"The copy of {step.environment} is not sound: {found.problems[0]}")
        return {"position": found.position, "oddities": list(found.oddities)}


class Preparer:
    """:class:`PrepareData`."""

    def __init__(self, find: Find) -> None:
        self._find = find

    def inverse(self, step: PrepareData) -> tuple[Step, ...]:
        return ()

    def apply(self, step: PrepareData) -> None:
        around = self._find(step.environment)
        around.progress("preparing", 0)
        around.seam.prepare(Path(step.work) / DATA, step.origin, step.scrub)


class Rehearser:
    """:class:`Rehearse`."""

    def __init__(self, find: Find, identities: Sequence[Identity]) -> None:
        self._find = find
        self._identities = identities

    def inverse(self, step: Rehearse) -> tuple[Step, ...]:
        return ()

    def apply(self, step: Rehearse) -> Mapping[str, Any]:
        around = self._find(step.environment)
        drill = rehearse_backup(around, step, self._identities)
        return {"drill": asdict(drill)}


def data_hands(
    around: Surroundings, find: Find, identities: Sequence[Identity] = (), program: Program = _no_release
) -> Hands:
    """What backs up, restores, tries and copies data.

    Args:
        around: of the environment that is changed.
        find: finds the other environments' too.
        identities: that open sealed backups.
        program: see :data:`Program`.
    """
    return {
        MakeBackup: BackupMaker(around, program),
        AbandonBackup: BackupAbandoner(around),
        Unpack: Unpacker(find, identities),
        TakeSnapshot: SnapshotTaker(find),
        PrepareData: Preparer(find),
        Rehearse: Rehearser(find, identities),
    }
