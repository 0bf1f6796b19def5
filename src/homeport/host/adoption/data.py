"""What is in a data directory before another server starts on it, and that it is still there afterwards."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from homeport.environments.adoption.steps import CheckData, NoteData
from homeport.environments.steps import Step
from homeport.errors import HomeportError
from homeport.host.backups.creating import Surroundings
from homeport.host.data.databases import COMPANIONS
from homeport.host.data.seam import DataDescription
from homeport.host.hands import Hands

_PASSING: Final = (".lock", ".pid", ".tmp", ".swp", ".sock", *COMPANIONS)
"""Endings of files that come and go with a server."""


@dataclass(slots=True)
class Noted:
    """Sizes of files, by their path below the directory."""

    files: dict[str, int] = field(default_factory=dict)


class DataNoter:
    """:class:`NoteData`."""

    def __init__(self, noted: Noted) -> None:
        self._noted = noted

    def inverse(self, step: NoteData) -> tuple[Step, ...]:
        return ()

    def apply(self, step: NoteData) -> dict[str, int]:
        self._noted.files = _sizes(Path(step.data))
        return {"files": len(self._noted.files), "bytes": sum(self._noted.files.values())}


class DataChecker:
    """:class:`CheckData`."""

    def __init__(self, noted: Noted, around: Surroundings) -> None:
        self._noted = noted
        self._around = around

    def inverse(self, step: CheckData) -> tuple[Step, ...]:
        return ()

    def apply(self, step: CheckData) -> dict[str, object]:
        now = _sizes(Path(step.data))
        gone = sorted(path for path, size in self._noted.files.items() if size and not now.get(path))
        if gone:
            raise HomeportError(
                f"{len(gone)} files of {step.data} are gone or empty since the new server started: {gone[0]}.",
                "The backup that was made before has them all.",
            )
        summary = self._around.shelf.find(step.backup).summary
        if summary is None:
            raise HomeportError(f"The backup {step.backup} of {step.environment} has no summary.")
        told: dict[str, object] = {"files": len(now), "counts": dict(summary.counts), "position": summary.position}
        if summary.position is not None:
            described = DataDescription(
                summary.application, summary.identity, counts=summary.counts, position=summary.position
            )
            loss = self._around.seam.lost_after(Path(step.data), described)
            if loss is not None and not loss["comparable"]:
                raise HomeportError(f"{step.data} is not what the backup {step.backup} was made of.")
            told["written_since_the_backup"] = loss["events"] if loss is not None else None
        return told


def data_hands(around: Surroundings) -> Hands:
    """The two hands, which share what was noted; a run that was killed between them is undone."""
    noted = Noted()
    return {NoteData: DataNoter(noted), CheckData: DataChecker(noted, around)}


def _sizes(top: Path) -> dict[str, int]:
    found = {}
    for directory, _, names in os.walk(top):
        for name in names:
            path = Path(directory) / name
            if name.endswith(_PASSING):
                continue
            try:
                status = path.lstat()
            except FileNotFoundError:
                continue
            if stat.S_ISREG(status.st_mode):
                found[str(path.relative_to(top))] = status.st_size
    return found
