"""Puts together what commands on data and servers work with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from homeport.environments.backups.steps import AbandonBackup, MakeBackup
from homeport.environments.declaration import Declaration
from homeport.environments.environment import Environment
from homeport.host.alarming import Announce
from homeport.host.backups.creating import BackupAbandoner, BackupMaker, Surroundings
from homeport.host.data.foreign_seam import ForeignData
from homeport.host.data.own import OwnData
from homeport.host.data.program import current_release, release_program
from homeport.host.hands import Hands


def surroundings_of(
    declaration: Declaration, environment: Environment, progress: Callable[[str, int], None] | None = None
) -> Surroundings:
    """What backups of an environment are made with."""
    seam = (
        ForeignData()
        if environment.is_foreign
        else OwnData(environment, release_program(environment, Path(declaration.file)))
    )
    around = Surroundings(environment, seam, current_release(environment))
    if progress is None:
        return around
    return Surroundings(environment, seam, around.release, progress)


def announcer_of(declaration: Declaration, environment: Environment) -> Announce | None:
    """The way into the people's inbox; None where the server is another than Homeport's own."""
    if environment.is_foreign:
        return None
    return OwnData(environment, release_program(environment, Path(declaration.file))).announce


def backup_hands(around: Surroundings) -> Hands:
    """What makes backups, for plans."""
    return {MakeBackup: BackupMaker(around), AbandonBackup: BackupAbandoner(around)}
