"""The database that a command works with."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from homeport.cli.databases import database_of_copy, handed
from homeport.contract import DatabaseAddress
from homeport.environments.declaration import parse_declaration
from homeport.environments.environment import Environment
from homeport.errors import UsageError
from homeport.whereabouts import write_whereabouts

DECLARED = "postgresql://homeport@db.example.org/production"
SCRATCH = "postgresql://homeport@db.example.org/production_drill"


@pytest.fixture
def production() -> Environment:
    table = f'[environments.production]\ndatabase = "{DECLARED}"\ndatabase_password_file = "/etc/homeport/password"\n'
    return parse_declaration(table, PurePosixPath("/srv/homeport.toml")).environment("production")


def test_a_copy_has_the_database_that_it_names_and_the_declared_password(
    tmp_path: Path, production: Environment
) -> None:
    assert database_of_copy(production, tmp_path) is None
    write_whereabouts(tmp_path, SCRATCH)
    assert database_of_copy(production, tmp_path) == DatabaseAddress(SCRATCH, "/etc/homeport/password")


def test_a_copy_is_never_served_on_the_declared_database(tmp_path: Path, production: Environment) -> None:
    write_whereabouts(tmp_path, "postgres://somebody@DB.example.org:5432/production")
    with pytest.raises(UsageError, match="A copy has a database of its own"):
        database_of_copy(production, tmp_path)


def test_a_password_that_the_service_manager_hands_over_is_taken(tmp_path: Path, production: Environment) -> None:
    declared = production.database
    assert handed(declared, {}) == declared
    assert handed(declared, {"CREDENTIALS_DIRECTORY": str(tmp_path)}) == declared
    (tmp_path / "database-password").write_text("x")
    assert handed(declared, {"CREDENTIALS_DIRECTORY": str(tmp_path)}) == DatabaseAddress(
        DECLARED, str(tmp_path / "database-password")
    )
    assert handed(None, {"CREDENTIALS_DIRECTORY": str(tmp_path)}) is None
