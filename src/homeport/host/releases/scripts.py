"""Migrations that releases of another server bring: which are pending, and whose directory they are run from."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path, PurePosixPath

from homeport.environments.environment import Environment
from homeport.environments.migrations.pending import Standing
from homeport.environments.migrations.scripts import migrations_among
from homeport.environments.releases.plans import Scripts
from homeport.host.migrations.scripts import ScriptMigrator, standing_among
from homeport.host.owners import owner_of
from homeport.host.releases.source import Source


def of_release(environment: Environment, release: str) -> Environment:
    """The environment as one of its releases serves it, whichever serves now."""
    service, directory = environment.service, environment.releases_directory / release

    def within(path: PurePosixPath) -> PurePosixPath:
        current = environment.current_release
        return directory / path.relative_to(current) if path.is_relative_to(current) else path

    migrations = None if service.migrations is None else within(service.migrations)
    moved = replace(service, working_directory=within(service.working_directory), migrations=migrations)
    return replace(environment, service=moved)


def standing_of_commit(environment: Environment, source: Source, commit: str) -> Standing | None:
    """How the data stand to a release that is yet to be built; None where nothing migrates them.

    Raises:
        HomeportError: the migrations cannot be read.
    """
    migrations, current = environment.service.migrations, environment.current_release
    if migrations is None or not Path(environment.data_directory).is_dir():
        return None
    if not migrations.is_relative_to(current):
        return ScriptMigrator(environment).look(Path(environment.data_directory))
    names = source.names(commit, migrations.relative_to(current))
    return standing_among(migrations_among(names), Path(environment.data_directory))


def standing_of_release(environment: Environment, release: str) -> Standing | None:
    """The same of a release that was built; one that has no directory of migrations has none.

    Raises:
        HomeportError: the migrations cannot be read.
    """
    moved, data = of_release(environment, release), Path(environment.data_directory)
    if moved.service.migrations is None or not data.is_dir():
        return None
    if not Path(moved.service.migrations).is_dir():
        return standing_among((), data)
    return ScriptMigrator(moved).look(data)


def scripts_for(environment: Environment, standing: Standing | None) -> Scripts | None:
    """What a change of release runs on the data; None where nothing is pending."""
    if standing is None or not standing.pending:
        return None
    data = Path(environment.data_directory).resolve()
    mode = stat.S_IMODE(data.stat().st_mode)
    return Scripts(pending=standing.pending, data=PurePosixPath(data), mode=mode, owner=owner_of(data))
