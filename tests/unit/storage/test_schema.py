"""The schema that migrations make is the one that is written down, and every migration says what it needs to."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from homeport.contract import DATABASE_FILE
from homeport.storage.migrations.revisions import HEAD, REVISIONS, Schema
from homeport.storage.migrations.running import configuration, previous_can_run, usable_from, verify
from homeport.storage.schema import METADATA, WORDS, is_ours
from homeport.storage.sqlite.database import connect
from homeport.storage.sqlite.migrating import engine, is_outer, migrate
from homeport.storage.sqlite.revisions import schema_of
from tests.unit.storage.conftest import files


def test_the_revisions_are_those_that_alembic_finds() -> None:
    scripts = ScriptDirectory.from_config(configuration())
    assert scripts.get_heads() == [HEAD]
    assert tuple(script.revision for script in reversed(list(scripts.walk_revisions()))) == REVISIONS


def test_every_migration_upgrades_verifies_and_says_whether_the_previous_release_can_run() -> None:
    scripts = ScriptDirectory.from_config(configuration())
    for script in scripts.walk_revisions():
        module, name = script.module, script.revision
        assert script.doc, name
        assert isinstance(module.PREVIOUS_RELEASE_CAN_RUN, bool), name
        assert not inspect.signature(module.upgrade).parameters, name
        assert list(inspect.signature(module.verify).parameters) == ["connection"], name
        assert module.upgrade.__doc__, name
        assert module.verify.__doc__, name
        assert not hasattr(module, "downgrade"), f"{name}: the way back is the data as they were"


def test_what_a_migration_says_stays_true_under_all_later_ones(tmp_path: Path) -> None:
    path = tmp_path / DATABASE_FILE
    migrate(path)
    with engine(path).connect() as connection:
        assert verify(connection, REVISIONS, is_outer) == []
        connection.exec_driver_sql("DROP TABLE watches")
        assert [(one.revision, one.text) for one in verify(connection, REVISIONS, is_outer)] == [
            ("0005", "There is no table watches.")
        ]


def test_a_database_says_from_which_release_on_it_can_be_used(tmp_path: Path) -> None:
    path = tmp_path / DATABASE_FILE
    for revision in (REVISIONS[0], HEAD):
        migrate(path, revision=revision)
        database = connect(path, cache_kib=1000)
        assert schema_of(database) == Schema(revision, usable_from(revision))
        database.close()
    oldest = int(HEAD)
    while oldest > 1 and previous_can_run([f"{oldest:04}"]):
        oldest -= 1
    assert usable_from(HEAD) == oldest


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
