"""Deploys that roll through two machines of one environment, one by one: two homes on one machine, and one database.

The releases are on the shelf already, as deploy would have built them; from there on the way is the same.
"""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx2
import psycopg
import pytest

from homeport.contract import DatabaseAddress
from homeport.contract.servers import ServerName, home_of
from homeport.server import databases
from homeport.storage.migrations.revisions import HEAD
from tests.support.later import LATER, migration
from tests.support.migrating import Dock
from tests.support.postgres import Cluster
from tests.support.process import call_body
from tests.support.release_changes import NEW, OLD, send, served
from tests.support.running import PROGRAM
from tests.support.traffic import Traffic

pytestmark = [pytest.mark.slow, pytest.mark.needs_postgres, pytest.mark.timeout(400)]
GO: Final = ("--watch", "0.5", "--wait", "60", "--yes")
MIGRATE: Final = """
import sys
from homeport.contract import DatabaseAddress
from homeport.storage.postgres.migrating import migrate
migrate(DatabaseAddress(sys.argv[1]))
"""
"""As a deploy on another machine does it which nothing has kept from it."""


@pytest.fixture
def docks(tmp_path: Path, capsys: pytest.CaptureFixture[str], address: DatabaseAddress) -> Iterator[tuple[Dock, Dock]]:
    """Production on two machines, served by a first release."""
    made = []
    try:
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
            dock = Dock(tmp_path / name, capsys, text="", database=address)
            made.append(dock)
            dock.shelved(OLD, "")
            dock.serve(OLD)
        yield made[0], made[1]
    finally:
        for dock in made:
            dock.stop()


def port(dock: Dock) -> int:
    return dock.environment.http_port


def change(dock: Dock, to: str, *words: str, code: int = 0) -> Any:
    return dock.json("rollback", "production", "--to", to, *GO, *words, code=code)


async def go(dock: Dock, to: str) -> None:
    """The same while others go on in this process."""
    command = [*PROGRAM, "--config", str(dock.file), "rollback", "production", "--to", to, *GO]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def count(cluster: Cluster, address: DatabaseAddress) -> int:
    return int(cluster.execute("SELECT count(*) FROM messages", cluster.database(address))[0][0])


def call(dock: Dock, name: str, **arguments: object) -> httpx2.Response:
    return httpx2.post(f"{dock.environment.http_url}/mcp", json=call_body(name, arguments), timeout=30)


async def test_a_release_rolls_through_and_nobody_is_refused_and_nothing_is_lost_or_told_twice(
    docks: tuple[Dock, Dock],
) -> None:
    """With a migration that the release before can live with: for the second machine nothing is left to migrate."""
    one, two = docks
    for dock in docks:
        dock.shelved(NEW, migration(upgrade="pass", verify="    return []", previous=True))
    for name in ("bob", *(f"agent-{number}" for number in range(2))):
        assert "result" in call(one, "register_instance", instanceId=name, role="dev").json()
    traffic = Traffic([port(one), port(two)], clients=2, in_turn=True)
    await traffic.goes_on(20)
    await go(one, NEW)
    await traffic.goes_on(20)
    assert [served(dock) for dock in docks] == [(NEW, LATER), (OLD, LATER)]
    await go(two, NEW)
    await traffic.goes_on(20)
    assert served(two) == (NEW, LATER)
    await traffic.end()
    assert set(traffic.sent.values()) == {1}
    # Who waits is told of what lay there before, too.
    assert {key: number for key, number in traffic.received.items() if key in traffic.sent} == dict(traffic.sent)


def test_the_other_machine_restarts_meanwhile_on_the_newer_schema_and_either_goes_back(
    docks: tuple[Dock, Dock],
) -> None:
    one, two = docks
    for dock in docks:
        dock.shelved(NEW, migration(previous=True))
    assert change(one, NEW)["hand_over"]["migrations"] == [LATER]
    two.run("restart", "production")
    assert served(two) == (OLD, LATER)
    send(two, "of the older one")
    assert change(two, NEW)["hand_over"]["migrations"] == []
    # Back beside one that stays, and beside one that went back before.
    change(one, OLD)
    assert [served(dock) for dock in docks] == [(OLD, LATER), (NEW, LATER)]
    change(two, OLD)
    assert served(two) == (OLD, LATER)
    send(one, "of the older one again")
    assert [dock.health()["status"] for dock in docks] == ["healthy"] * 2


def test_a_migration_that_others_cannot_live_with_is_refused_before_anything_is_changed(
    docks: tuple[Dock, Dock], postgres: Cluster, address: DatabaseAddress
) -> None:
    one, two = docks
    for dock in docks:
        dock.shelved(NEW, migration())
    pid = one.manager.state(one.environment).pid
    error = change(one, NEW, code=3)
    assert f"Servers of other machines could not live with {LATER}: the server on " in error["message"]
    assert f"(release {OLD}, since " in error["message"]
    assert error["hint"].startswith("On each of them: homeport stop production.")
    assert [server["release"] for server in error["details"]["servers"]] == [OLD]
    assert one.manager.state(one.environment).pid == pid
    assert [served(dock) for dock in docks] == [(OLD, HEAD), (OLD, HEAD)]
    assert one.json("backup", "list", "production")["backups"] == []
    two.run("stop", "production")
    change(one, NEW)
    assert served(one) == (NEW, LATER)
    # The release before does not come up on what it cannot live with, and the deploy there finds the migration done.
    assert f"has schema {LATER}, which is newer than {HEAD}" in two.json("start", "production", code=78)["message"]
    assert change(two, NEW)["rehearsal"]["migrations"] == []
    two.run("start", "production")
    assert served(two) == (NEW, LATER)
    # The data do not go back under a server that needs them as they are.
    error = change(one, OLD, "--lose", code=3)
    assert "Other machines have the data of production open: the server on " in error["message"]
    assert [served(dock) for dock in docks] == [(NEW, LATER), (NEW, LATER)]
    two.run("stop", "production")
    change(one, OLD, "--lose")
    assert served(one) == (OLD, HEAD)
    assert "servers have it open that could not live with it" in two.json("start", "production", code=78)["message"]
    change(two, OLD)
    two.run("start", "production")
    send(two, "after all")
    assert [served(dock) for dock in docks] == [(OLD, HEAD), (OLD, HEAD)]


def test_a_server_that_nobody_stopped_refuses_says_why_and_a_deploy_there_mends_it(
    docks: tuple[Dock, Dock], postgres: Cluster, address: DatabaseAddress
) -> None:
    """The last line of defence: the schema has changed under it all the same."""
    one, two = docks
    two.shelved(NEW, migration())
    send(two, "before")
    stored = count(postgres, address)
    one.stop()
    python = two.data.parent / "releases" / NEW / "bin" / "python"
    subprocess.run([python, "-P", "-c", MIGRATE, address.url], check=True)
    for answer in (
        call(two, "send_message", to="bob", from_="ann", subject="s", content="c"),
        call(two, "get_messages", instanceId="bob"),
    ):
        assert "by now, which this server cannot live with" in answer.json()["error"]["message"], answer.text
    sent = httpx2.post(
        f"{two.environment.http_url}/api/v1/messages",
        json={"from": "ann", "to": "bob", "subject": "s", "content": "c"},
        timeout=30,
    )
    assert sent.status_code == 503
    health = httpx2.get(two.environment.health_url, timeout=30)
    assert (health.status_code, health.json()["status"]) == (503, "unhealthy")
    assert f"has schema {LATER} by now" in health.json()["reasons"][0]
    found = {one["kind"]: one for one in two.json("doctor", "production", code=4)["findings"]}
    assert f"release {OLD}" in found["server-left-behind"]["evidence"][0]
    assert count(postgres, address) == stored
    # Its own release cannot even copy the data: the one that comes saves them.
    made = change(two, NEW)
    assert served(two) == (NEW, LATER)
    assert two.json("backup", "show", "production", made["backup"])["state"] == "good"
    send(two, "again")
    assert count(postgres, address) == stored + 1


def other(address: DatabaseAddress) -> psycopg.Connection[tuple[Any, ...]]:
    """A connection of a server of another machine."""
    name = ServerName(HEAD, OLD, home_of("another", "/data"), "db2")
    return psycopg.connect(address.url, application_name=str(name), autocommit=True)


def test_data_are_not_exchanged_under_the_server_of_another_machine(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], address: DatabaseAddress
) -> None:
    dock = Dock(tmp_path, capsys, text="", database=address)
    backup = dock.json("backup", "create", "production")["backup"]
    move = ("data", "move", "production", "--to", "file", "--yes")
    restore = ("restore", "production", backup, "--yes")
    with other(address):
        for words in (move, restore, ("migrate", "production", "--yes")):
            if words[0] == "migrate":
                dock.release(migration())
            error = dock.json(*words, code=3)
            assert "Other machines have the data of production open: the server on db2 (" in error["message"], words
            assert "homeport stop production" in error["hint"]
    assert dock.beside() == []
    dock.run(*restore)


def test_two_machines_do_not_change_an_environment_at_once_and_the_second_is_told_who_does(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], address: DatabaseAddress
) -> None:
    dock = Dock(tmp_path, capsys, text="", database=address)
    backup = dock.json("backup", "create", "production")["backup"]
    with databases.reserved(address, "production", "deploy", needed=True):
        error = dock.json("restore", "production", backup, "--yes", code=3)
        assert error["message"].startswith("Another operation is changing production: deploy process ")
        assert " on " in error["message"]
        assert ", since " in error["message"]
        assert "on whatever machine" in error["hint"]
        # What is about this machine alone goes on.
        dock.json("backup", "create", "production")
    dock.json("restore", "production", backup, "--yes")
