"""Carries out the steps of migrations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from homeport.environments.backups.data_steps import DATA
from homeport.environments.migrations.steps import CopyWhole, MigrateCopy
from homeport.environments.steps import Step
from homeport.errors import GuardError, HomeportError
from homeport.host.archives.tree import remove_tree
from homeport.host.backups.creating import Surroundings
from homeport.host.backups.source import live_source
from homeport.host.hands import Hands
from homeport.host.migrations.port import Migrator


class WholeCopier:
    """:class:`CopyWhole`."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around

    def inverse(self, step: CopyWhole) -> tuple[Step, ...]:
        return ()

    def apply(self, step: CopyWhole) -> Mapping[str, Any]:
        around = self._around
        around.progress("copying", 0)
        into = Path(step.work) / DATA
        if into.exists():
            remove_tree(into)
        found = around.seam.snapshot(live_source(around.environment), into)
        if found.left_out:
            more = f" and {len(found.left_out) - 1} more" if len(found.left_out) > 1 else ""
            raise GuardError(
                f"The data of {step.environment} hold {found.left_out[0]!r}{more}, which is no regular file, and"
                " would be missing afterwards: they are exchanged as a whole.",
                "Move it out of the data directory first. Nothing was changed.",
                left_out=list(found.left_out),
            )
        if found.problems:
            raise HomeportError(f"The copy of {step.environment} is not sound: {found.problems[0]}")
        return {"position": found.position}


class CopyMigrator:
    """:class:`MigrateCopy`."""

    def __init__(self, around: Surroundings, migrator: Callable[[str], Migrator]) -> None:
        self._around = around
        self._migrator = migrator

    def inverse(self, step: MigrateCopy) -> tuple[Step, ...]:
        # It works in a directory that is taken back as a whole.
        return ()

    def apply(self, step: MigrateCopy) -> Mapping[str, Any]:
        self._around.progress("migrating", 0)
        ran = self._migrator(step.release).run(Path(step.work) / DATA)
        return {"migration": {**asdict(ran), "ran": list(ran.ran), "rows": dict(ran.rows)}}


def migration_hands(around: Surroundings, migrator: Callable[[str], Migrator]) -> Hands:
    """What migrates an environment's data.

    Args:
        around: of the environment.
        migrator: from a release's id, empty for the one that serves, to what knows its migrations.
    """
    return {CopyWhole: WholeCopier(around), MigrateCopy: CopyMigrator(around, migrator)}
