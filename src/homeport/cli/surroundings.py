"""Puts together what commands on data and servers work with."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from homeport.environments.declaration import Declaration
from homeport.environments.environment import Environment
from homeport.host.alarming import Announce
from homeport.host.archives.sealing import Identity, read_identities
from homeport.host.backups.creating import Rehearsal, Surroundings
from homeport.host.backups.foreign_rehearsal import ForeignRehearsal
from homeport.host.backups.rehearsal import OwnRehearsal
from homeport.host.data.foreign_seam import ForeignData
from homeport.host.data.own import OwnData
from homeport.host.data.program import current_release, release_program
from homeport.host.migrations.own import OwnMigrator
from homeport.host.migrations.port import Migrator
from homeport.host.migrations.scripts import ScriptMigrator
from homeport.host.releases.scripts import of_release

IDENTITY_VARIABLE: Final = "HOMEPORT_AGE_IDENTITY"
"""Names the file with the age key that opens sealed backups."""


def surroundings_of(
    declaration: Declaration, environment: Environment, progress: Callable[[str, int], None] | None = None
) -> Surroundings:
    """What backups of an environment are made with."""
    program = release_program(environment, Path(declaration.file))
    seam = ForeignData(environment.name) if environment.is_foreign else OwnData(environment, program)
    rehearse: Rehearsal | None = None
    if not environment.is_foreign:
        rehearse = OwnRehearsal(environment, program)
    elif environment.backup.drill_command:
        rehearse = ForeignRehearsal(environment)
    around = Surroundings(environment, seam, current_release(environment), rehearse)
    return around if progress is None else replace(around, progress=progress)


def migrator_of(declaration: Declaration, environment: Environment, release: str = "") -> Migrator:
    """Whatever migrates an environment's data: of the release that serves, or for another server of any."""
    if environment.is_foreign:
        return ScriptMigrator(of_release(environment, release) if release else environment)
    return OwnMigrator(release_program(environment, Path(declaration.file)))


def announcer_of(declaration: Declaration, environment: Environment) -> Announce | None:
    """The way into the people's inbox; None where the server is another than Homeport's own."""
    if environment.is_foreign:
        return None
    return OwnData(environment, release_program(environment, Path(declaration.file))).announce


def identities_of(environment: Environment, given: str | None) -> list[Identity]:
    """The keys that open sealed backups: from the file that was given, the variable, or the declaration.

    Raises:
        UsageError: the file that is named holds none.
    """
    file = given or os.environ.get(IDENTITY_VARIABLE) or environment.backup.identity
    return read_identities(Path.cwd() / file) if file else []
