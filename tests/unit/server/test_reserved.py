"""An environment that one process changes at a time, on whatever machine it runs."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from homeport.contract import DatabaseAddress
from homeport.errors import GuardError, HomeportError
from homeport.server import databases
from homeport.storage.dumps.cluster import Cluster as Server
from homeport.storage.dumps.cluster import NoDatabaseError, UnreachedError
from homeport.storage.dumps.reserving import Reserved
from tests.support.namespaces import namespaces, why_not
from tests.support.postgres import Cluster, cluster
from tests.support.refusing import refusing
from tests.support.waiting import until

pytestmark = pytest.mark.needs_postgres
HOLDS = """
import sys
from homeport.contract import DatabaseAddress
from homeport.server import databases
with databases.reserved(DatabaseAddress(*sys.argv[1:]), "production", "rollback", needed=True):
    print("held", flush=True)
    sys.stdin.read()
"""


def held(cluster: Cluster) -> list[int]:
    """The processes of the database server that hold it."""
    found = cluster.execute("SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'homeport-%%' ORDER BY pid")
    return [pid for (pid,) in found]


def test_the_second_is_told_who_what_where_and_since_when(database: DatabaseAddress) -> None:
    with databases.reserved(database, "production", "deploy", needed=True):
        with pytest.raises(GuardError) as caught, databases.reserved(database, "production", "restore", needed=True):
            pass
        said = f"Another operation is changing production: deploy process {os.getpid()} on {socket.gethostname()}"
        assert caught.value.sentence.startswith(said[:90])
        assert ", since 20" in caught.value.sentence
        # Also where it is only needed if it can be had.
        with pytest.raises(GuardError), databases.reserved(database, "production", "heal", needed=False):
            pass
    with databases.reserved(database, "production", "restore", needed=True):
        pass


def test_one_that_has_it_as_another_role_is_told_without_the_time_that_is_hidden(
    postgres: Cluster, database: DatabaseAddress
) -> None:
    with postgres.stranger() as role:
        elsewhere = Reserved(
            Server(DatabaseAddress(postgres.url(postgres.database(database), role=role))), "production", "restore"
        )
        elsewhere.take()
        with pytest.raises(GuardError) as caught, databases.reserved(database, "production", "deploy", needed=True):
            pass
        elsewhere.give_up()
    assert f"restore process {os.getpid()} on {socket.gethostname()}"[:40] in caught.value.sentence
    assert "since" not in caught.value.sentence


def test_two_environments_of_one_server_are_apart(postgres: Cluster, database: DatabaseAddress) -> None:
    other = postgres.create()
    with (
        databases.reserved(database, "production", "deploy", needed=True),
        databases.reserved(other, "development", "deploy", needed=True),
    ):
        assert len(held(postgres)) == 2
    postgres.drop(other)


def test_a_process_that_is_killed_holds_it_no_longer(database: DatabaseAddress) -> None:
    command = [sys.executable, "-P", "-c", HOLDS, database.url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with pytest.raises(GuardError, match=f"rollback process {process.pid} on"):
            Reserved(Server(database), "production", "deploy").take()
        process.kill()

    def taken() -> bool:
        found = Reserved(Server(database), "production", "deploy")
        try:
            found.take()
        except GuardError:
            return False
        found.give_up()
        return True

    until(taken, within=20)


@pytest.mark.slow
@pytest.mark.skipif(why_not() is not None, reason=str(why_not()))
def test_a_machine_that_lost_its_power_holds_it_for_seconds() -> None:
    """Its connection is never closed; without being asked, the database server's kernel would wait for two hours."""
    with (
        namespaces(2) as (here, there),
        cluster(address=here.address, prefix=here.prefix) as server,
    ):
        address = server.create(tcp=True)
        command = [*there.prefix, sys.executable, "-P", "-c", HOLDS, address.url, str(server.password_file)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            there.pull()
            assert len(held(server)) == 1
            until(lambda: not held(server), within=40)
            process.kill()


def test_a_lost_connection_is_made_anew_unless_another_was_quicker(
    postgres: Cluster, database: DatabaseAddress
) -> None:
    mine, other = (Reserved(Server(database), "production", name) for name in ("deploy", "restore"))
    mine.take()
    mine.keep()
    [before] = held(postgres)
    postgres.execute("SELECT pg_terminate_backend(%s, 5000)", values=[before])
    mine.keep()
    [after] = held(postgres)
    assert after != before
    postgres.execute("SELECT pg_terminate_backend(%s, 5000)", values=[after])
    other.take()
    with pytest.raises(GuardError, match="restore process"):
        mine.keep()
    other.give_up()
    mine.give_up()


def test_a_machine_that_is_not_let_in_where_the_lock_is_does_not_take_one_elsewhere(
    postgres: Cluster, database: DatabaseAddress
) -> None:
    with databases.reserved(database, "production", "deploy", needed=True):
        postgres.execute("ALTER DATABASE postgres CONNECTION LIMIT 0")
        try:
            with (
                pytest.raises(UnreachedError, match=r"/postgres cannot be reached: .*too many connections"),
                databases.reserved(database, "production", "restore", needed=True),
            ):
                pass
        finally:
            postgres.execute("ALTER DATABASE postgres CONNECTION LIMIT -1")


def test_where_there_is_no_database_of_the_usual_name_all_meet_in_the_next(
    postgres: Cluster, database: DatabaseAddress
) -> None:
    until(lambda: not postgres.connections("postgres") - 1, within=20)
    postgres.execute("ALTER DATABASE postgres RENAME TO elsewhere", "template1")
    try:
        with (
            databases.reserved(database, "production", "deploy", needed=True),
            pytest.raises(GuardError, match="deploy process"),
            databases.reserved(database, "production", "restore", needed=True),
        ):
            pass
    finally:
        postgres.execute("ALTER DATABASE elsewhere RENAME TO postgres", "template1")


async def test_that_it_is_not_there_is_understood_in_any_language() -> None:
    for state, missing in (("3D000", True), ("53300", False)):
        async with refusing(state) as address:
            with pytest.raises(UnreachedError) as caught:
                await asyncio.to_thread(Server(address).maintenance)
        assert isinstance(caught.value, NoDatabaseError) is missing


def test_where_the_server_cannot_be_reached_what_needs_it_is_refused_and_the_rest_goes_on(tmp_path: Path) -> None:
    nowhere = DatabaseAddress(f"postgresql://homeport@/x?host={tmp_path}")
    with (
        pytest.raises(HomeportError, match="cannot be reached"),
        databases.reserved(nowhere, "production", "deploy", needed=True),
    ):
        pass
    with databases.reserved(nowhere, "production", "heal", needed=False) as found:
        found.keep()
