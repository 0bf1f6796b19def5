"""Backup, drill, restore and sync of environments whose data are in PostgreSQL, with real servers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from homeport.contract import DatabaseAddress
from homeport.contract.database import ADDRESS_FILE
from tests.support.harbour import Harbour
from tests.support.postgres import ROLE, Cluster

pytestmark = [pytest.mark.slow, pytest.mark.needs_postgres, pytest.mark.timeout(300)]


@pytest.fixture
def addresses(postgres: Cluster) -> Iterator[dict[str, DatabaseAddress]]:
    """Of production and development."""
    postgres.execute(f"ALTER ROLE {ROLE} CREATEDB")
    made = {name: postgres.create() for name in ("production", "development")}
    yield made
    for address in made.values():
        postgres.drop_all(address)


@pytest.fixture
def harbour(tmp_path: Path, addresses: dict[str, DatabaseAddress]) -> Iterator[Harbour]:
    one = Harbour(tmp_path, databases=addresses)
    one.start("production")
    for number in range(3):
        one.send("production", f"number {number}")
    yield one
    for environment in one.declaration.environments.values():
        one.manager.stop(environment)


def test_a_drill_restores_serves_asks_and_says_proven(
    harbour: Harbour, postgres: Cluster, addresses: dict[str, DatabaseAddress]
) -> None:
    backup = harbour.run("backup", "create", "production")["backup"]
    done = harbour.run("backup", "drill", "production")
    assert (done["backup"], done["outcome"], done["depth"]) == (backup, "passed", "served"), done
    assert harbour.health("production")["backups"]["state"] == "proven"
    assert harbour.messages("production") == 3
    assert len(harbour.run("token", "list", "production")["tokens"]) == 1
    assert postgres.beside(addresses["production"]) == []


def test_a_restore_gives_back_what_was_and_keeps_what_is(
    harbour: Harbour, postgres: Cluster, addresses: dict[str, DatabaseAddress]
) -> None:
    backup = harbour.run("backup", "create", "production")["backup"]
    harbour.send("production", "later")
    asked = harbour.run("restore", "production", backup, "--dry-run")
    assert asked["loss"]["messages"] == 1
    done = harbour.run("restore", "production", backup, "--yes")
    assert (done["restored"], done["started"], done["loss"]["messages"]) == (backup, True, 1)
    assert harbour.messages("production") == 3
    (kept,) = postgres.beside(addresses["production"])
    assert "_before_restore_" in kept
    assert postgres.execute("SELECT count(*) FROM messages", kept) == [(4,)]
    assert kept in (Path(done["kept"]) / ADDRESS_FILE).read_text()
    # And back again, with the backup that was made of what was there.
    harbour.run("restore", "production", done["safety_backup"], "--yes")
    assert harbour.messages("production") == 4


def test_a_sync_scrubs_and_never_loads_what_is_scrubbed_where_it_goes(
    harbour: Harbour, postgres: Cluster, addresses: dict[str, DatabaseAddress]
) -> None:
    harbour.start("development")
    harbour.send("development", "of development")
    done = harbour.run("sync", "production", "development", "--scrub", "texts", "--yes")
    assert (done["scrub"], done["started"]) == ("texts", True)
    name = postgres.database(addresses["development"])
    assert postgres.execute("SELECT subject FROM messages ORDER BY seq", name) == [("xxxxxx 0",)] * 3
    assert harbour.ask("development", "/api/v1/messages").status_code == 401
    assert [one for address in addresses.values() for one in postgres.beside(address)] == []
    assert harbour.messages("production") == 3
