"""Dumps of a database where nobody knows of a server: looked at, and brought nowhere but to whom they belong."""

from __future__ import annotations

from pathlib import Path

import pytest

from homeport import server
from homeport.contract import IDENTITY_FILE, DataFacts
from homeport.contract.database import DUMP_FILE
from homeport.errors import GuardError
from homeport.server import databases
from tests.support.scratches import Berth

pytestmark = pytest.mark.needs_postgres


@pytest.fixture
def copy(here: Berth, tmp_path: Path) -> Path:
    """A snapshot in which something of everything is."""
    server.take_snapshot(here.directory, "production", tmp_path / "copy", here.database)
    return tmp_path / "copy"


def codes(found: DataFacts) -> set[str]:
    return {problem["code"] for problem in found["problems"]}


def test_a_dump_is_looked_at_where_nobody_knows_of_a_server(here: Berth, copy: Path) -> None:
    known = server.data_facts(copy, deep=True, database=here.database)
    found = server.data_facts(copy, deep=True)
    assert (found["counts"], found["position"], found["problems"]) == (known["counts"], known["position"], [])
    assert sorted(path.name for path in copy.iterdir()) == [DUMP_FILE, IDENTITY_FILE]


def test_a_damaged_dump_is_a_finding_there_too(copy: Path) -> None:
    content = (copy / DUMP_FILE).read_bytes()
    (copy / DUMP_FILE).write_bytes(content[: len(content) // 2])
    assert codes(server.data_facts(copy)) == {"damaged"}
    (copy / DUMP_FILE).write_bytes(b"no dump at all")
    assert codes(server.data_facts(copy)) == {"damaged"}
    assert sorted(path.name for path in copy.iterdir()) == [DUMP_FILE, IDENTITY_FILE]


def test_data_of_another_environment_are_brought_nowhere(here: Berth, copy: Path) -> None:
    with pytest.raises(GuardError, match="holds data of production, not of development"):
        databases.load_into(copy, "development", None)
    assert (copy / DUMP_FILE).is_file()
