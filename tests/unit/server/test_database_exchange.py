"""The exchange of an environment's database for that of a copy: whole or not at all, and the way back."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import psycopg
import pytest

from homeport.contract import DatabaseAddress
from homeport.contract.database import ADDRESS_FILE
from homeport.errors import GuardError, HomeportError
from homeport.server import databases
from homeport.storage.dumps.cluster import Connection
from homeport.storage.dumps.scratch import key_of
from homeport.storage.postgres import open_store
from homeport.storage.postgres.locks import SERVING
from homeport.storage.postgres.opening import read_identity
from homeport.storage.sql.probing import own
from tests.support.scratches import Berth

pytestmark = pytest.mark.needs_postgres


@pytest.fixture
def incoming(here: Berth, copy: Path) -> Path:
    """A copy that is loaded; meanwhile something was written that it has not."""
    databases.load(copy, here.database)
    here.cluster.execute("INSERT INTO roles VALUES ('later', 'later', 'x')", here.name)
    return copy


def roles(here: Berth, name: str) -> set[str]:
    return {key for (key,) in here.cluster.execute("SELECT role_key FROM roles", name)}


def named(directory: Path) -> DatabaseAddress:
    return DatabaseAddress(json.loads((directory / ADDRESS_FILE).read_text())["url"])


def test_the_database_of_a_copy_takes_the_place_and_the_other_is_kept(here: Berth, incoming: Path) -> None:
    done = databases.exchange(here.database, "production", here.directory, incoming, "before_restore_x")
    kept = f"{here.name}_before_restore_x"
    assert (done["database"], done["kept"], done["done"]) == (here.name, kept, True)
    assert here.beside() == [kept]
    assert (roles(here, here.name), roles(here, kept)) == ({"captain"}, {"captain", "later"})
    assert (here.cluster.database(named(incoming)), here.cluster.database(named(here.directory))) == (here.name, kept)
    assert databases.sweep(here.database)["swept"] == []
    # A second time it is done.
    again = databases.exchange(here.database, "production", here.directory, incoming, "before_restore_x")
    assert (again["kept"], again["done"]) == (kept, False)


def test_it_is_taken_back_and_what_nobody_served_is_dropped(here: Berth, incoming: Path, tmp_path: Path) -> None:
    label = "before_restore_x"
    databases.exchange(here.database, "production", here.directory, incoming, label)
    for done in (True, False):
        served = tmp_path / "failed"
        back = databases.put_back(here.database, "production", here.directory, incoming, served, label)
        assert (back["done"], back["left"]) == (done, None)
    assert roles(here, here.name) == {"captain", "later"}
    assert here.beside() == []
    assert here.cluster.database(named(here.directory)) == here.name


def test_what_a_server_may_have_written_to_is_kept_when_it_is_taken_back(
    here: Berth, incoming: Path, tmp_path: Path
) -> None:
    label, served = "before_restore_x", tmp_path / "failed"
    databases.exchange(here.database, "production", here.directory, incoming, label)
    incoming.rename(served)
    back = databases.put_back(here.database, "production", here.directory, incoming, served, label)
    assert back["left"] == f"{here.name}_failed_{label}"
    assert here.beside() == [back["left"]]
    assert here.cluster.database(named(served)) == back["left"]


def test_taking_back_what_never_happened_changes_nothing(here: Berth, incoming: Path, tmp_path: Path) -> None:
    before = here.beside()
    back = databases.put_back(here.database, "production", here.directory, incoming, tmp_path / "failed", "x")
    assert (back["done"], here.beside()) == (False, before)
    assert roles(here, here.name) == {"captain", "later"}


def test_what_nobody_calls_unserved_is_kept_when_it_is_taken_back(here: Berth, incoming: Path) -> None:
    """Who asks for it by hand, weeks later, takes back what has been served ever since."""
    databases.exchange(here.database, "production", here.directory, incoming, "x")
    back = databases.put_back(here.database, "production", here.directory, incoming, None, "x")
    assert (back["done"], back["left"], here.beside()) == (True, f"{here.name}_failed_x", [back["left"]])


def test_what_a_server_of_another_machine_has_written_to_is_kept_when_it_is_taken_back(
    here: Berth, incoming: Path, tmp_path: Path
) -> None:
    databases.exchange(here.database, "production", here.directory, incoming, "x")
    asyncio.run(_written_by_a_server(here.database))
    back = databases.put_back(here.database, "production", here.directory, incoming, tmp_path / "failed", "x")
    assert (back["done"], back["left"]) == (True, f"{here.name}_failed_x")
    assert "late" in roles(here, str(back["left"]))


async def _written_by_a_server(database: DatabaseAddress) -> None:
    identity = read_identity(database)
    assert identity is not None
    store = await open_store(database, identity)
    try:
        late = "INSERT INTO roles VALUES ('late', 'late', 'x')"
        await store.write(lambda records: own(records).database.execute(late))
    finally:
        await store.close()


def test_nothing_is_taken_back_under_a_server(
    here: Berth, incoming: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    databases.exchange(here.database, "production", here.directory, incoming, "x")
    monkeypatch.setattr("homeport.storage.dumps.exchanging._LEAVING", 0.0)
    with psycopg.connect(here.database.url, application_name="homeport") as serving:
        serving.execute("SELECT pg_advisory_lock_shared(%s)", (SERVING,))
        with pytest.raises(GuardError, match=r"is in use by homeport .* nothing was changed"):
            databases.put_back(here.database, "production", here.directory, incoming, tmp_path / "failed", "x")
        serving.execute("SELECT 1")
    assert here.beside() == [f"{here.name}_x"]


def test_an_exchange_that_was_refused_is_not_taken_back(here: Berth, incoming: Path, tmp_path: Path) -> None:
    """What has the name that it would have kept the other under is of an earlier one."""
    kept = f"{here.name}_x"
    here.cluster.execute(f"CREATE DATABASE {kept} OWNER homeport")
    with pytest.raises(HomeportError, match=f"There is a database {kept} already"):
        databases.exchange(here.database, "production", here.directory, incoming, "x")
    back = databases.put_back(here.database, "production", here.directory, incoming, tmp_path / "failed", "x")
    assert back["done"] is False
    assert roles(here, here.name) == {"captain", "later"}
    assert kept in here.beside()


def test_what_somebody_dropped_cannot_be_given_back_and_that_is_said(
    here: Berth, incoming: Path, tmp_path: Path
) -> None:
    databases.exchange(here.database, "production", here.directory, incoming, "x")
    here.cluster.execute(f"DROP DATABASE {here.name}_x")
    with pytest.raises(HomeportError, match=f"{here.name}_x, which production had before, is gone"):
        databases.put_back(here.database, "production", here.directory, incoming, tmp_path / "failed", "x")
    assert roles(here, here.name) == {"captain"}


def test_only_an_empty_database_is_put_aside_where_that_was_asked_for(here: Berth, incoming: Path) -> None:
    with pytest.raises(GuardError, match="is not empty, it holds data of production"):
        databases.exchange(here.database, "production", here.directory, incoming, "x", onto_empty=True)
    assert roles(here, here.name) == {"captain", "later"}
    here.cluster.drop(here.database)
    here.cluster.execute(f"CREATE DATABASE {here.name} OWNER homeport")
    for done in (True, False):
        # A second time it is not empty any more, and done.
        again = databases.exchange(here.database, "production", here.directory, incoming, "x", onto_empty=True)
        assert again["done"] is done


def test_whoever_renames_has_the_lock_until_the_server_has_done_it(
    here: Berth, incoming: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a process that is killed the server may still be committing: the next one waits for that."""
    seen: list[tuple[object, ...]] = []
    held = (
        "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted"
        " AND (CAST(classid AS BIGINT) << 32) | CAST(objid AS BIGINT) = %s"
    )

    def sent_away(connection: Connection, names: tuple[str, ...]) -> None:
        del names
        seen.extend(here.cluster.execute(held, values=[key_of(here.name)]))
        seen.append((connection.info.backend_pid,))

    monkeypatch.setattr("homeport.storage.dumps.exchanging._send_away", sent_away)
    databases.exchange(here.database, "production", here.directory, incoming, "x")
    assert len(seen) == 2
    assert seen[0] == seen[1]


def test_who_only_looks_is_sent_away_and_a_server_is_a_reason_to_refuse(here: Berth, incoming: Path) -> None:
    with psycopg.connect(here.database.url) as looking:
        looking.execute("SELECT 1")
        databases.exchange(here.database, "production", here.directory, incoming, "x")
        with pytest.raises(psycopg.OperationalError):
            looking.execute("SELECT 1")


def test_a_server_on_another_machine_is_named(here: Berth, incoming: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("homeport.storage.dumps.exchanging._LEAVING", 0.0)
    from homeport.storage.postgres.locks import SERVING

    with psycopg.connect(here.database.url, application_name="homeport") as serving:
        serving.execute("SELECT pg_advisory_lock_shared(%s)", (SERVING,))
        with pytest.raises(GuardError, match=rf"{here.name} is in use by homeport .* nothing was changed"):
            databases.exchange(here.database, "production", here.directory, incoming, "x")
    assert len(here.beside()) == 1


def test_a_name_that_is_taken_is_refused_and_both_stay(here: Berth, incoming: Path) -> None:
    here.cluster.execute(f"CREATE DATABASE {here.name}_x OWNER homeport")
    with pytest.raises(HomeportError, match=f"There is a database {here.name}_x already"):
        databases.exchange(here.database, "production", here.directory, incoming, "x")
    assert roles(here, here.name) == {"captain", "later"}


def test_a_data_directory_without_a_database_gets_one(here: Berth, copy: Path, tmp_path: Path) -> None:
    """As on a new machine."""
    databases.load(copy, here.database)
    here.cluster.drop(here.database)
    done = databases.exchange(here.database, "production", tmp_path / "nothing", copy, "x")
    assert (done["kept"], done["done"], here.beside()) == (f"{here.name}_x", True, [f"{here.name}_x"])
    assert roles(here, here.name) == {"captain"}
    assert here.cluster.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", f"{here.name}_x") == [
        (0,)
    ]
    back = databases.put_back(here.database, "production", tmp_path / "nothing", copy, tmp_path / "failed", "x")
    assert (back["done"], here.beside()) == (True, [])


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE homeport_identity SET environment = 'shop'", "data of shop"),
        ("DROP TABLE homeport_identity", "tables that are not Homeport's"),
    ],
)
def test_a_database_of_others_is_not_put_aside(here: Berth, incoming: Path, statement: str, said: str) -> None:
    here.cluster.execute(statement, here.name)
    with pytest.raises(GuardError, match=f"holds {said}: nothing was exchanged"):
        databases.exchange(here.database, "production", here.directory, incoming, "x")
