"""What a server refuses to start on: each with exit code 78 and one line of its own, and nothing changed."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pysqlite3 import dbapi2

from homeport.contract import DATABASE_FILE, IDENTITY_FILE, ExitCode
from tests.support.ports import free_ports
from tests.support.process import HOMEPORT, refusal, server_process, starting
from tests.support.waiting import until

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a server left that has ended in order."""
    directory = tmp_path_factory.mktemp("written") / "data"
    directory.mkdir()
    with server_process(directory) as server:
        server.call("register_instance", instanceId="ada", role="dev")
        assert server.stop() == 0
    return directory


@pytest.fixture
def data(written: Path, tmp_path: Path) -> Path:
    """A data directory in which something is stored, for this test alone."""
    return Path(shutil.copytree(written, tmp_path / "data"))


def contents(directory: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in directory.iterdir() if file.name != "server.lock"}


def execute(data: Path, statement: str) -> None:
    database = dbapi2.connect(str(data / DATABASE_FILE), isolation_level=None)
    database.execute(statement)
    database.close()


def test_productions_data_are_not_opened_by_development(data: Path) -> None:
    before = contents(data)
    told = refusal(data, environment="production")
    assert told.startswith(f"{data} holds data of development, not of production.")
    assert contents(data) == before
    with server_process(data) as server:
        assert not server.call("register_instance", instanceId="ada", role="dev")["is_new"]


def test_a_second_server_on_the_same_data_is_told_who_has_them(data: Path) -> None:
    with server_process(data) as server:
        told = refusal(data)
        assert f"{data} is in use by process {server.process.pid} (" in told
        assert sys.executable in told
        assert server.healthy()
        server.kill()
    with server_process(data) as server:
        assert server.stop() == 0, "a lock outlived its process"


def test_of_many_servers_that_start_at_once_on_new_data_one_serves(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    ports = free_ports(5)
    managers = [starting(data, port=port, log=tmp_path / f"{port}.log") for port in ports]
    servers = [manager.__enter__() for manager in managers]
    try:
        until(lambda: sum(server.process.poll() is None for server in servers) == 1, within=50)
        (left,) = [server for server in servers if server.process.poll() is None]
        until(left.healthy, within=30)
        ended = [server for server in servers if server is not left]
        assert {server.process.returncode for server in ended} == {ExitCode.CANNOT_START}
        assert all("is in use by" in server.log.read_text() for server in ended)
        assert json.loads((data / IDENTITY_FILE).read_text())["id"] == left.get("/health").json()["identity"]
    finally:
        for manager in managers:
            manager.__exit__(None, None, None)


def test_a_port_in_use_is_refused_with_who_holds_it_from_where(tmp_path: Path) -> None:
    port, sse = free_ports(2)
    assert _homeport(tmp_path, "init").returncode == 0
    with socket.create_server(("127.0.0.1", port)):
        done = _homeport(tmp_path, "serve", "development", "--port", f"development={port}:{sse}")
    assert done.returncode == ExitCode.CANNOT_START
    assert f"Port {port} (http_port) is held by process {os.getpid()} (" in done.stderr
    assert f"in {Path.cwd()}" in done.stderr
    assert len(done.stderr.splitlines()) <= 2, done.stderr


def _homeport(workspace: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [*HOMEPORT, *arguments, *(("--config", "homeport.toml") if arguments[0] != "init" else ())]
    return subprocess.run(command, cwd=workspace, capture_output=True, text=True, timeout=50, check=False)


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A data directory on a file system that is mounted read-only, as under a unit that forgot ReadWritePaths."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a read-only file system")
    at = tmp_path / "disk"
    at.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "none", str(at)], check=False).returncode:
        pytest.skip("a file system cannot be mounted here")
    try:
        (at / "data").mkdir()
        with server_process(at / "data", log=tmp_path / "log") as server:
            assert server.stop() == 0
        subprocess.run(["mount", "-o", "remount,ro", str(at)], check=True)
        yield at / "data"
    finally:
        subprocess.run(["umount", str(at)], check=True)


def test_a_read_only_data_directory_is_refused_and_named(read_only: Path, tmp_path: Path) -> None:
    told = refusal(read_only, log=tmp_path / "refused")
    assert told.startswith(f"{read_only} is on a read-only file system")
    assert "ReadWritePaths" in told


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_data_directory_that_may_not_be_written_is_refused_and_named(data: Path) -> None:
    data.chmod(0o555)
    try:
        assert refusal(data).startswith(f"{data} may not be written by the user ")
    finally:
        data.chmod(0o755)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"\xff\xfe", b'{"application": "homeport"}', b"\0" * 154, b"[" * 100_000],
    ids=["empty", "cut off", "a list", "not text", "half", "zeros", "nested"],
)
def test_an_identity_file_that_is_damaged_is_named_and_left_as_it_is(data: Path, content: bytes) -> None:
    (data / IDENTITY_FILE).write_bytes(content)
    before = contents(data)
    assert refusal(data).startswith(f"{data / IDENTITY_FILE} ")
    assert contents(data) == before


def test_data_whose_identity_is_gone_are_nobodys(data: Path) -> None:
    (data / IDENTITY_FILE).unlink()
    assert f"has no {IDENTITY_FILE}, so nobody knows whose data it is" in refusal(data)
    assert not (data / IDENTITY_FILE).exists()


def _replace(content: bytes) -> Callable[[Path], object]:
    return lambda data: (data / DATABASE_FILE).write_bytes(content)


def _cut(data: Path) -> None:
    whole = (data / DATABASE_FILE).read_bytes()
    (data / DATABASE_FILE).write_bytes(whole[: len(whole) // 2])


def _scratch(data: Path) -> None:
    whole = (data / DATABASE_FILE).read_bytes()
    (data / DATABASE_FILE).write_bytes(whole[:4096] + b"\xa5" * (len(whole) - 4096))


def _replace_by_directory(data: Path) -> None:
    (data / DATABASE_FILE).unlink()
    (data / DATABASE_FILE).mkdir()


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (_replace(b"This is no database. " * 500), "is not a SQLite database"),
        (_replace(b"SQLite format 3\0" + b"\xa5" * 8000), "is not a SQLite database"),
        (_cut, "is damaged"),
        (_scratch, "is damaged"),
        (_replace_by_directory, "Is a directory"),
    ],
    ids=["text", "header alone", "cut off", "scratched", "directory"],
)
def test_a_database_that_is_none_is_refused_and_kept(data: Path, damage: Callable[[Path], object], told: str) -> None:
    damage(data)
    before = contents(data) if (data / DATABASE_FILE).is_file() else {}
    line = refusal(data)
    assert line.startswith(f"{data / DATABASE_FILE} ")
    assert told in line
    if before:
        assert contents(data)[DATABASE_FILE] == before[DATABASE_FILE]


def test_a_newer_schema_is_refused_and_not_touched(data: Path) -> None:
    execute(data, "UPDATE alembic_version SET version_num = '9999'")
    execute(data, "PRAGMA user_version = 9999")
    before = contents(data)
    told = refusal(data)
    assert "has schema 9999, which is newer than" in told
    assert "Start the version that wrote it" in told
    assert contents(data)[DATABASE_FILE] == before[DATABASE_FILE]


def test_another_applications_database_is_refused_and_not_touched(data: Path) -> None:
    (data / DATABASE_FILE).unlink()
    execute(data, "CREATE TABLE theirs (x)")
    assert "is a database, but not Homeport's" in refusal(data)
    database = dbapi2.connect(str(data / DATABASE_FILE))
    assert database.execute("SELECT name FROM sqlite_schema").fetchall() == [("theirs",)]
    database.close()


@pytest.mark.timeout(180)
def test_an_import_beside_a_running_server_and_two_at_once_store_everything_once(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    common = {"role": "dev", "status": "active", "created": "2025-10-01T00:00:00Z", "metadata": {}}
    instances = [{"id": f"agent-{number}", **common} for number in range(200)]
    (tmp_path / "old" / "instances.json").write_text(json.dumps({"schema_version": "3.0", "instances": instances}))
    assert _homeport(tmp_path, "init").returncode == 0
    data = tmp_path / "development" / "data"
    command = [*HOMEPORT, "--config", "homeport.toml", "data", "import", "json-v1", "old", "development"]
    with server_process(data, log=tmp_path / "log") as server:
        both = [
            subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)
        ]
        number = 0
        while any(one.poll() is None for one in both):
            number += 1
            server.call("send_message", to="agent-0", from_="x", subject=f"{number}", content="!")
            assert server.call("get_instances", limit=1)["total"] in (0, 200), "half of an import was seen"
        written = [one.communicate(timeout=50) for one in both]
        assert [one.returncode for one in both] == [0, 0], written
        assert server.call("get_instances", limit=1)["total"] == 200
        assert server.call("get_messages", instanceId="agent-0", limit=1)["total"] == number
        assert server.stop() == 0
