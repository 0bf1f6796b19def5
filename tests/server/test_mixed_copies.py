"""A team moves production into a database; development stays on a file, and backups are kept from before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from pysqlite3 import dbapi2

from homeport.contract import DATABASE_FILE, DatabaseAddress
from homeport.contract.database import ADDRESS_FILE
from tests.support.harbour import Harbour
from tests.support.postgres import Cluster

pytestmark = [pytest.mark.slow, pytest.mark.needs_postgres, pytest.mark.timeout(600)]


@pytest.fixture
def harbour(tmp_path: Path) -> Iterator[Harbour]:
    one = Harbour(tmp_path, more="keep_last = 9\n")
    one.start("production")
    one.send("production", "before the move")
    yield one
    for environment in one.declaration.environments.values():
        one.manager.stop(environment)


def test_nothing_else_changes_for_anyone(harbour: Harbour, postgres: Cluster, address: DatabaseAddress) -> None:
    of_a_file = harbour.run("backup", "create", "production")["backup"]
    harbour.run("data", "move", "production", "--to", address.url, "--yes")
    harbour.send("production", "after the move")

    # Development goes on in its file, and gets what production has.
    planned = harbour.run("sync", "production", "development", "--scrub", "texts", "--dry-run")
    (step,) = [step for step in planned["steps"] if step["step"] == "PrepareData"]
    assert step["into"] == "file"
    harbour.run("sync", "production", "development", "--scrub", "texts", "--yes")
    with closing(dbapi2.connect(str(harbour.data("development") / DATABASE_FILE))) as file:
        subjects = file.execute("SELECT subject FROM messages ORDER BY seq").fetchall()
    assert subjects == [("xxxxxx xxx xxxx",), ("xxxxx xxx xxxx",)]

    # What was saved before the move is proven, and restored, in a database.
    done = harbour.run("backup", "drill", "production", of_a_file)
    assert (done["outcome"], done["depth"]) == ("passed", "served"), done
    asked = harbour.run("restore", "production", of_a_file, "--dry-run")
    (step,) = [step for step in asked["steps"] if step["step"] == "Unpack"]
    assert (step["into"], asked["loss"]["messages"]) == ("database", 1)
    restored = harbour.run("restore", "production", of_a_file, "--yes")
    assert (restored["started"], harbour.messages("production")) == (True, 1)
    assert (harbour.data("production") / ADDRESS_FILE).is_file()
    assert [name for name in postgres.beside(address) if "_scratch_" in name] == []

    # And what was saved of a database is proven in a file once that is what the data are in again.
    of_a_database = restored["safety_backup"]
    harbour.run("data", "move", "production", "--to", "file", "--yes")
    done = harbour.run("backup", "drill", "production", of_a_database)
    assert (done["outcome"], done["depth"]) == ("passed", "served"), done
