"""Releases with a migration that the one before cannot live with, on a database: in place, failing, and taken back."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import httpx2
import pytest

from homeport import server
from homeport.contract import DatabaseAddress
from homeport.storage.migrations.revisions import HEAD
from homeport.storage.postgres.migrating import is_migrating
from tests.support.asking import Asking
from tests.support.later import LATER, UPPER, later_release, migration
from tests.support.migrating import Dock
from tests.support.postgres import Cluster
from tests.support.process import server_process
from tests.support.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.needs_postgres, pytest.mark.timeout(400)]
OLD, NEW = "20261002T061500Z-aaaaaaa", "20261003T061500Z-bbbbbbb"
GO: Final = ("--watch", "1", "--wait", "60", "--yes")
# It is proved a few times until it is ready, and then at most once a second.
TURNS_RED: Final = f"""{UPPER}
    writes = op.get_bind().exec_driver_sql("SELECT writes FROM probe").scalar()
    op.execute(
        "CREATE FUNCTION red() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        f" IF new.writes > {{writes}} + 10 THEN RAISE EXCEPTION 'no'; END IF; RETURN new; END $$"
    )
    op.execute("CREATE TRIGGER red BEFORE UPDATE ON probe FOR EACH ROW EXECUTE FUNCTION red()")"""  # noqa: S608 - constants


@pytest.fixture
def dock(tmp_path: Path, capsys: pytest.CaptureFixture[str], address: DatabaseAddress) -> Iterator[Dock]:
    """Production, served by a first release."""
    one = Dock(tmp_path, capsys, database=address)
    one.shelved(OLD, "")
    one.serve(OLD)
    yield one
    one.stop()


def send(dock: Dock, subject: str) -> None:
    body = {"from": "ann", "to": "bob", "subject": subject, "content": "x"}
    answer = httpx2.post(f"{dock.environment.http_url}/api/v1/messages", json=body, timeout=30)
    assert answer.status_code == 200, answer.text


def messages(dock: Dock, address: DatabaseAddress) -> int:
    return server.data_facts(dock.data, database=address)["counts"]["messages"]


def served(dock: Dock) -> tuple[str, str]:
    """Which release serves, and the schema that it serves."""
    until(lambda: dock.manager.state(dock.environment).running, within=60)
    health = dock.health()
    return health["release"], health["schema_version"]


def test_a_release_that_is_unwell_after_its_migration_gives_the_data_back(
    dock: Dock, postgres: Cluster, address: DatabaseAddress
) -> None:
    dock.shelved(NEW, migration(upgrade=TURNS_RED))
    send(dock, "before")
    count, names = messages(dock, address), dock.projects()
    error = dock.json("rollback", "production", "--to", NEW, "--watch", "120", "--wait", "60", "--yes", code=1)
    assert "and is so no more" in error["message"]
    assert served(dock) == (OLD, HEAD)
    assert (messages(dock, address), dock.projects()) == (count, names)
    assert dock.operations()[-1].outcome == "undone"
    # What the release served stays as evidence, under a name that no server reads.
    assert dock.beside() == [f"data.left-{NEW}"]
    (left,) = postgres.beside(address)
    assert left.startswith(f"{postgres.database(address)}_left_")
    assert postgres.execute("SELECT version_num FROM alembic_version", left) == [(LATER,)]


def test_a_rollback_takes_the_data_back_too_and_keeps_those_that_are_left(
    dock: Dock, postgres: Cluster, address: DatabaseAddress
) -> None:
    send(dock, "before")
    count, names = messages(dock, address), dock.projects()
    dock.shelved(NEW, migration())
    said, _ = dock.run("rollback", "production", "--to", NEW, *GO)
    assert "projects  4 rows changed" in said
    assert served(dock) == (NEW, LATER)
    send(dock, "since")
    refused = dock.json("rollback", "production", "--to", OLD, *GO, code=3)
    assert (refused["hint"], refused["details"]["lost"]["messages"]) == ("--lose agrees to that.", 1)
    back = dock.json("rollback", "production", "--to", OLD, *GO, "--lose")
    assert back["data"]["lost"]["messages"] == 1
    assert served(dock) == (OLD, HEAD)
    assert (messages(dock, address), dock.projects()) == (count, names)
    (kept,) = postgres.beside(address)
    assert postgres.execute("SELECT version_num FROM alembic_version", kept) == [(LATER,)]


def test_a_migration_is_tried_on_a_copy_and_run_and_verified(
    dock: Dock, postgres: Cluster, address: DatabaseAddress
) -> None:
    dock.stop()
    dock.release(migration())
    tried = dock.json("migrate", "production", "--dry-run")
    assert (tried["migration"]["ran"], tried["migration"]["rows"]) == ([LATER], {"projects": 4})
    assert (postgres.beside(address), dock.beside()) == ([], [])
    done = dock.json("migrate", "production", "--yes")
    assert done["migration"]["after"] == LATER
    assert postgres.execute("SELECT bool_and(name = upper(name)) FROM projects", postgres.database(address)) == [
        (True,)
    ]
    assert dock.json("migrate", "production", "--verify")["findings"] == []
    assert (postgres.beside(address), dock.beside()) == ([], [])


def test_a_restart_that_migrates_has_callers_wait_and_is_refused_while_the_server_of_another_machine_runs(
    dock: Dock, tmp_path: Path, address: DatabaseAddress
) -> None:
    pids = dock.manager.state(dock.environment).pids
    later_release(dock.data.parent / "releases" / OLD, migration(previous=False))
    (tmp_path / "elsewhere").mkdir()
    with server_process(tmp_path / "elsewhere", database=address, environment="production") as other:
        error = dock.json("restart", "production", code=3)
        assert f"Servers of other machines could not live with {LATER}: the server on " in error["message"]
        assert "On each of them: homeport stop production." in error["hint"]
        assert other.healthy()
    assert dock.manager.state(dock.environment).pids == pids
    assert dock.health()["status"] == "healthy"
    with Asking(dock.environment.health_url) as asking:
        dock.json("restart", "production")
    assert dock.health()["schema_version"] == LATER
    assert asking.found["failed"] == []


@pytest.mark.soak
def test_what_is_written_at_any_server_while_a_long_migration_runs_waits_and_is_kept(
    dock: Dock, tmp_path: Path, address: DatabaseAddress
) -> None:
    """Longer than a writer waits for anybody else."""
    seconds = 20
    slow = f"import time; time.sleep({seconds}); {UPPER}"
    later = later_release(tmp_path / "later", migration(upgrade=slow, previous=True))
    command = [*later, "--config", str(dock.file), "--json", "data", "migrate", "production", "--beside"]
    (tmp_path / "elsewhere").mkdir()
    before = messages(dock, address)
    with (
        server_process(tmp_path / "elsewhere", database=address, environment="production") as other,
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process,
        ThreadPoolExecutor(2) as threads,
    ):
        until(lambda: is_migrating(address), within=30)
        began = time.monotonic()
        writing = [
            threads.submit(send, dock, "here"),
            threads.submit(other.call, "send_message", to="bob", from_="ann", subject="there", content="x"),
        ]
        for told in (dock.health(), other.get("/health").json()):
            assert "is being migrated" in told["reasons"][0]
        assert other.call("get_server_status")["schema_version"] == HEAD
        for one in writing:
            one.result(60)
        assert time.monotonic() - began > seconds - 8
        told, _ = process.communicate(timeout=60)
        assert (process.returncode, json.loads(told)["ran"]) == (0, [LATER])
        until(other.healthy, within=30)
        assert messages(dock, address) == before + 2
