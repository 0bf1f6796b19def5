"""A branch that several machines follow is brought to one after the other."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from homeport.cli import bringing
from homeport.contract import DatabaseAddress
from homeport.environments.declaration import Declaration
from homeport.host.declaration_file import read_declaration
from homeport.server import databases
from tests.support.postgres import Cluster
from tests.support.waiting import until

pytestmark = pytest.mark.needs_postgres


def machine(directory: Path, address: DatabaseAddress) -> Declaration:
    """One of those that have the database."""
    file = directory / "homeport.toml"
    directory.mkdir()
    file.write_text(f"[environments.development]\ndatabase = '{address.url}'\nservice = 'processes'\n")
    declaration = read_declaration(file, {})
    Path(declaration.environment("development").journal_directory).mkdir(parents=True)
    return declaration


def test_who_follows_the_same_branch_elsewhere_waits_until_the_other_machine_has_deployed(
    tmp_path: Path, postgres: Cluster, database: DatabaseAddress, capsys: pytest.CaptureFixture[str]
) -> None:
    here = machine(tmp_path / "here", database)
    environment = here.environment("development")

    def waits() -> float:
        with bringing._carrying(here, environment, across="deploy", deadline=time.monotonic() + 60):
            return time.monotonic()

    with ThreadPoolExecutor(1) as threads:
        with databases.reserved(database, "development", "deploy", needed=True):
            assert bringing._is_taken(here, environment)
            waiting = threads.submit(waits)
            until(lambda: "It is waited for." in capsys.readouterr().err)
            assert not waiting.done()
            ended = time.monotonic()
        assert waiting.result(60) >= ended
    assert not bringing._is_taken(here, environment)
