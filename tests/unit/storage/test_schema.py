"""The schema that migrations make is the one that is written down, and every migration says what it needs to."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from homeport.contract import DATABASE_FILE
from homeport.storage.schema import METADATA, WORDS, is_ours
from homeport.storage.sqlite.migrating import configuration, engine, migrate
from homeport.storage.sqlite.revisions import HEAD, REVISIONS
from tests.unit.storage.conftest import files


def test_the_revisions_are_those_that_alembic_finds() -> None:
    scripts = ScriptDirectory.from_config(configuration())
    assert scripts.get_heads() == [HEAD]
    assert tuple(script.revision for script in reversed(list(scripts.walk_revisions()))) == REVISIONS


def test_every_migration_says_whether_the_previous_release_can_run() -> None:
    scripts = ScriptDirectory.from_config(configuration())
    for script in scripts.walk_revisions():
        assert isinstance(script.module.PREVIOUS_RELEASE_CAN_RUN, bool), script.revision
        assert script.doc, script.revision


def test_migrations_make_the_schema_that_is_written_down(tmp_path: Path) -> None:
    path = tmp_path / DATABASE_FILE
    migrate(path)
    with engine(path).connect() as connection:
        options = {"include_object": is_ours, "compare_type": True, "compare_server_default": True}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, METADATA) == []
        names = connection.exec_driver_sql("SELECT name FROM sqlite_schema").scalars().all()
    assert {f"{kind}_{part}" for kind in WORDS for part in ("words", "vocabulary")} <= set(names)


def test_migrating_depends_on_no_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = tmp_path / "100%"
    directory.mkdir()
    monkeypatch.chdir(directory)
    migrate(Path(DATABASE_FILE))
    assert files(directory) == [DATABASE_FILE]
