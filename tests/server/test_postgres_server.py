"""A server whose data are in a database: how it begins, what it refuses, what it does while that is away."""

from __future__ import annotations

import json
import os
import pwd
import random
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from homeport.contract import DATABASE_FILE, IDENTITY_FILE, DatabaseAddress
from homeport.contract.database import ADDRESS_FILE
from homeport.whereabouts import shown
from tests.support.postgres import ROLE, Cluster
from tests.support.process import ServerProcess, refusal, server_process, starting
from tests.support.running import PROGRAM, running, workspace
from tests.support.stores import IDENTITY, fill
from tests.support.waiting import until

pytestmark = pytest.mark.needs_postgres


@pytest.fixture
def data(tmp_path: Path) -> Path:
    directory = tmp_path / "data"
    directory.mkdir()
    return directory


@pytest.fixture
def filled(postgres: Cluster) -> Iterator[DatabaseAddress]:
    """A database of ``development``, over TCP and with a password."""
    address = postgres.create(tcp=True, template=postgres.template("filled", fill))
    yield address
    postgres.drop(address)


def told(server: ServerProcess) -> str:
    """What an unhealthy server says of itself; empty while it is well."""
    answer = server.get("/health")
    return " ".join(answer.json()["reasons"])


def stamps(directory: Path) -> tuple[str, str]:
    identity: dict[str, Any] = json.loads((directory / IDENTITY_FILE).read_text())
    return identity["id"], json.loads((directory / ADDRESS_FILE).read_text())["url"]


def subjects(server: ServerProcess, reader: str) -> list[str]:
    return [one["subject"] for one in server.call("get_messages", instanceId=reader)["messages"]]


# --- how it begins ---------------------------------------------------------------------------------------------------


def test_an_empty_database_becomes_the_environments_and_the_next_start_goes_on(
    data: Path, database: DatabaseAddress
) -> None:
    with server_process(data, database=database) as server:
        server.call("register_instance", instanceId="ada", role="dev")
        first = stamps(data)
        assert server.stop() == 0
    with server_process(data, database=database) as server:
        assert server.call("get_instance", instanceId="ada")["instance"]["id"] == "ada"
        assert server.get("/health").json()["identity"] == first[0]
    assert stamps(data) == (first[0], database.url)
    assert not (data / DATABASE_FILE).exists()


def test_a_directory_of_another_server_takes_the_identity_of_the_database(data: Path, filled: DatabaseAddress) -> None:
    with server_process(data, database=filled) as server:
        health = server.get("/health").json()
        assert health["identity"] == IDENTITY["id"]
        assert health["database"] == shown(filled.url)
        assert "password" not in json.dumps(health)
    assert stamps(data) == (IDENTITY["id"], filled.url)


def test_servers_that_begin_at_once_on_an_empty_database_agree_whose_it_is(
    tmp_path: Path, database: DatabaseAddress
) -> None:
    directories = [tmp_path / name for name in ("one", "two", "three")]
    with ExitStack() as stack:
        for directory in directories:
            directory.mkdir()
        servers = [stack.enter_context(starting(directory, database=database)) for directory in directories]
        for server in servers:
            until(server.healthy, within=40)
    assert len({stamps(directory) for directory in directories}) == 1


def test_a_server_waits_for_a_database_that_comes_later(data: Path, postgres: Cluster, filled: DatabaseAddress) -> None:
    postgres.stop()
    try:
        with starting(data, database=filled) as server:
            until(lambda: [one for one in server.events() if one["event"] == "waiting for the data"], within=30)
            assert server.process.poll() is None
            assert not (data / IDENTITY_FILE).exists()
            postgres.start()
            until(server.healthy, within=30)
    finally:
        if not postgres.runs:
            postgres.start()


def test_a_server_waits_for_a_connection_and_for_a_database_that_may_be_written(
    data: Path, postgres: Cluster, filled: DatabaseAddress
) -> None:
    name = postgres.database(filled)
    postgres.execute(f"ALTER DATABASE {name} CONNECTION LIMIT 0")
    postgres.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    with starting(data, database=filled) as server:

        def waits_for(what: str) -> bool:
            assert server.process.poll() is None, server.log.read_text()
            return any(what in str(one.get("reason")) for one in server.events())

        until(lambda: waits_for("has no connection left"), within=30)
        postgres.execute(f"ALTER DATABASE {name} CONNECTION LIMIT -1")
        until(lambda: waits_for("is read-only"), within=30)
        postgres.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
        until(server.healthy, within=30)


def test_a_declared_database_is_served_and_the_commands_find_it_from_another_machine_too(
    tmp_path: Path, filled: DatabaseAddress
) -> None:
    declared = f'database = "{filled.url}"\ndatabase_password_file = "{filled.password_file}"\n'
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
    here, there = (workspace(tmp_path / name, more=declared) for name in ("here", "there"))
    with running(here):
        assert there.token("from there").startswith("hpt_development_")
        listed = [*PROGRAM, "--config", str(there.file), "token", "list", "development", "--json"]
        found = json.loads(subprocess.run(listed, check=True, capture_output=True, timeout=60).stdout)
        assert [one["name"] for one in found["tokens"]] == ["from there"]
        kept = (there.file.parent / "development" / "data" / ADDRESS_FILE).read_text()
        assert json.loads(kept) == {"url": filled.url}


# --- what it refuses -------------------------------------------------------------------------------------------------


def test_the_database_of_another_environment_is_refused(data: Path, filled: DatabaseAddress) -> None:
    text = refusal(data, environment="production", database=filled)
    assert "holds data of development, not of production" in text
    assert list(data.iterdir()) == [data / "server.lock"]


def test_a_database_with_other_data_of_the_same_environment_is_refused(
    data: Path, filled: DatabaseAddress, database: DatabaseAddress
) -> None:
    with server_process(data, database=database):
        pass
    (data / ADDRESS_FILE).unlink()
    assert "others than this data directory belongs to" in refusal(data, database=filled)


def test_a_wrong_password_is_refused_and_not_told(data: Path, tmp_path: Path, filled: DatabaseAddress) -> None:
    wrong = tmp_path / "password"
    wrong.write_text("hunter2\n")
    wrong.chmod(0o600)
    text = refusal(data, database=replace(filled, password_file=str(wrong)))
    assert 'password authentication failed for user "homeport"' in text
    assert "hunter2" not in text


def test_a_password_that_others_may_read_is_refused(data: Path, tmp_path: Path, filled: DatabaseAddress) -> None:
    readable = tmp_path / "password"
    readable.write_text("hunter2\n")
    readable.chmod(0o644)
    text = refusal(data, database=replace(filled, password_file=str(readable)))
    assert f"The password in {readable} may be read by others. chmod go= {readable}" in text


def test_a_database_that_does_not_exist_is_refused(data: Path, postgres: Cluster) -> None:
    said = refusal(data, database=DatabaseAddress(postgres.url("nowhere")))
    assert "There is no such database: the database " in said
    assert "/nowhere." in said


def test_a_database_of_a_newer_schema_is_refused(data: Path, postgres: Cluster, filled: DatabaseAddress) -> None:
    name = postgres.database(filled)
    postgres.execute("UPDATE alembic_version SET version_num = 'r9999'", name)
    postgres.execute("UPDATE homeport_identity SET usable_from = 9999", name)
    assert "has schema r9999, which is newer than" in refusal(data, database=filled)


def test_a_database_that_is_somebody_elses_is_refused(data: Path, postgres: Cluster, database: DatabaseAddress) -> None:
    postgres.execute("CREATE TABLE accounts (id INTEGER)", postgres.database(database))
    assert "holds tables, but not Homeport's" in refusal(data, database=database)


def test_data_in_a_file_are_not_left_behind_for_a_database(data: Path, database: DatabaseAddress) -> None:
    with server_process(data):
        pass
    text = refusal(data, database=database)
    assert f"{data} holds its data in {DATABASE_FILE}, and the database" in text
    assert "homeport data move ENV" in text


def test_data_in_a_database_are_not_left_behind_for_a_file_or_for_another_database(
    data: Path, database: DatabaseAddress, filled: DatabaseAddress
) -> None:
    with server_process(data, database=database):
        pass
    assert "and no database is declared. homeport data move ENV" in refusal(data)
    text = refusal(data, database=filled)
    assert "is declared. homeport data move ENV" in text
    assert f"remove {data / ADDRESS_FILE}" in text
    assert not (data / DATABASE_FILE).exists()


# --- what it does while the database is away -------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_database_that_is_gone_is_told_and_one_that_is_back_is_used(
    data: Path, postgres: Cluster, filled: DatabaseAddress
) -> None:
    with server_process(data, database=filled) as server:
        server.call("register_instance", instanceId="ada", role="dev")
        server.call("send_message", to="ada", from_="ada", subject="before", content="kept")
        postgres.kill()
        try:
            assert "cannot be reached" in until(lambda: told(server), within=30)
            assert server.process.poll() is None
            error = server.refused("send_message", to="ada", from_="ada", subject="while", content="refused")
            assert "cannot be reached" in error["message"]
        finally:
            postgres.start()
        until(server.healthy, within=30)
        server.call("send_message", to="ada", from_="ada", subject="after", content="kept")
        assert subjects(server, "ada") == ["after", "before"]
        assert "homeport_database_bytes " in server.get("/metrics").text
        assert server.stop() == 0


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_database_that_hangs_is_told_and_is_no_reason_to_restart_the_server(
    data: Path, tmp_path: Path, postgres: Cluster, filled: DatabaseAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "1000000")
        with server_process(data, database=filled) as server:
            with postgres.frozen():
                assert until(lambda: told(server), within=30)
                _forget_what_was_said(manager)
                assert [manager.recv(4096) for _ in range(3)] == [b"WATCHDOG=1"] * 3
            until(server.healthy, within=40)


def _forget_what_was_said(manager: socket.socket) -> None:
    manager.setblocking(False)
    with suppress(BlockingIOError):
        while True:
            manager.recv(4096)
    manager.settimeout(10)


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_database_that_becomes_read_only_is_told_and_read_from(
    data: Path, postgres: Cluster, filled: DatabaseAddress
) -> None:
    name = postgres.database(filled)
    with server_process(data, database=filled) as server:
        server.call("register_instance", instanceId="ada", role="dev")
        postgres.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        postgres.terminate(name)
        assert "is read-only" in until(lambda: told(server), within=30)
        error = server.refused("send_message", to="ada", from_="ada", subject="s", content="c")
        assert "is read-only" in error["message"]
        assert server.call("get_messages", instanceId="ada")["messages"] == []
        postgres.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
        postgres.terminate(name)
        until(server.healthy, within=30)


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_database_without_a_connection_left_is_told_and_recovers(
    data: Path, postgres: Cluster, filled: DatabaseAddress
) -> None:
    name = postgres.database(filled)
    with server_process(data, database=filled) as server:
        postgres.execute(f"ALTER ROLE {ROLE} CONNECTION LIMIT 0")
        try:
            postgres.terminate(name)
            # First it may only see that its connections were ended.
            until(lambda: "too many connections" in (told(server) or ""), within=30)
        finally:
            postgres.execute(f"ALTER ROLE {ROLE} CONNECTION LIMIT -1")
        until(server.healthy, within=30)


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a disk that is small enough to be filled")
def test_a_database_that_is_full_is_told_reads_on_and_recovers(data: Path, tmp_path: Path, postgres: Cluster) -> None:
    with small_disk(postgres.directory / "disk") as disk:
        postgres.execute(f"CREATE TABLESPACE small LOCATION '{disk}'")
        address = postgres.create(tcp=True)
        name = postgres.database(address)
        postgres.execute(f"ALTER DATABASE {name} SET TABLESPACE small")
        with server_process(data, database=address) as server:
            server.call("register_instance", instanceId="ada", role="dev")
            error, kept = full(server)
            assert "no room left" in error["message"]
            assert "its disk is full" in error["message"]
            assert subjects(server, "ada")[0] == f"m-{kept - 1}"
            subprocess.run(["mount", "-o", "remount,size=100m", str(disk)], check=True)
            server.call("send_message", to="ada", from_="ada", subject="after", content="kept")
            until(server.healthy, within=30)
            assert server.stop() == 0
        postgres.drop(address)
        postgres.execute("DROP TABLESPACE small")


def full(server: ServerProcess) -> tuple[dict[str, Any], int]:
    """Sends messages until one is refused: its error, and how many were kept."""
    for number in range(1000):
        message = {"subject": f"m-{number}", "content": random.Random(number).randbytes(60_000).hex()}
        answer = server.post("send_message", to="ada", from_="ada", **message).json()
        if "error" in answer:
            return dict(answer["error"]), number
    raise AssertionError("the disk was never full")


@contextmanager
def small_disk(at: Path) -> Iterator[Path]:
    """A file system of its own, in memory, that the database's user may write."""
    at.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=18m,mode=0777", "none", str(at)], check=False)
    if mounted.returncode:
        pytest.skip("a file system cannot be mounted here")
    try:
        os.chown(at, pwd.getpwnam("postgres").pw_uid, -1)
        yield at
    finally:
        subprocess.run(["umount", "--lazy", str(at)], check=True)
