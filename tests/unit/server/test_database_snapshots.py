"""Snapshots of data that are in a PostgreSQL database: taken, restored, exchanged, scrubbed, and never left over."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import quote

import pytest

from homeport import server
from homeport.contract import IDENTITY_FILE, DataFacts, Scrub
from homeport.contract.database import ADDRESS_FILE, DUMP_FILE
from homeport.coordination.scrub import PRESETS
from homeport.errors import CannotStartError, GuardError, HomeportError
from homeport.identity import check_owner
from homeport.server import databases
from homeport.storage.dumps.cluster import Cluster as Of
from homeport.storage.dumps.scratch import made
from homeport.storage.dumps.stamps import stamp
from homeport.storage.migrations.revisions import HEAD
from homeport.storage.snapshots.scrubbing import SECRET_TABLES
from tests.support.postgres import Cluster
from tests.support.scratches import Berth, berth
from tests.support.waiting import until
from tests.support.written import NAME, PRIVATE, content_of, found_in, messages_found, write_data

pytestmark = pytest.mark.needs_postgres

_WRITING = """
import sys
import psycopg
with psycopg.connect(sys.argv[1], autocommit=True) as connection:
    print(flush=True)
    while True:
        with connection.transaction():
            connection.execute("INSERT INTO roles VALUES (gen_random_uuid()::text, 'x', 'x')")
            connection.execute("INSERT INTO originals VALUES ('k', gen_random_uuid()::text, 'p', 0, 'd')")
"""
_HOLDING = """
import signal, sys
from pathlib import Path
from homeport.contract import DatabaseAddress
from homeport.storage.dumps.cluster import Cluster
from homeport.storage.dumps.loading import loaded
with loaded(Cluster(DatabaseAddress(sys.argv[1])), Path(sys.argv[2])):
    print(flush=True)
    signal.pause()
"""
_SWEEPING = """
import sys
from homeport.contract import DatabaseAddress
from homeport.server import databases
databases.sweep(DatabaseAddress(sys.argv[1]))
"""


def codes(found: DataFacts) -> set[str]:
    return {problem["code"] for problem in found["problems"]}


def test_a_snapshot_has_a_dump_and_says_what_is_in_it(here: Berth, copy: Path) -> None:
    assert sorted(path.name for path in copy.iterdir()) == [DUMP_FILE, IDENTITY_FILE]
    assert (copy / DUMP_FILE).stat().st_mode & 0o777 == 0o600
    live = server.data_facts(here.directory, deep=True, database=here.database)
    found = server.data_facts(copy, deep=True, database=here.database)
    assert (live["problems"], found["problems"]) == ([], [])
    assert (found["identity"], found["schema_version"]) == (live["identity"], HEAD)
    assert found["counts"] == live["counts"]
    expected = {"messages": 1, "tasks": 1, "lessons": 1, "projects": 1, "instances": 2, "tokens": 2}
    assert {noun: found["counts"][noun] for noun in expected} == expected
    assert (found["position"], found["position_at"]) == (live["position"], live["position_at"])
    assert here.beside() == []


def test_it_counts_what_a_file_of_sqlite_with_the_same_counts(here: Berth, copy: Path, tmp_path: Path) -> None:
    (tmp_path / "file").mkdir()
    write_data(tmp_path / "file")
    counts = server.data_facts(tmp_path / "file")["counts"]
    assert server.data_facts(copy, database=here.database)["counts"] == counts


def test_a_copy_is_of_one_moment_while_others_write(here: Berth, tmp_path: Path) -> None:
    """Each transaction adds a row to two tables: a copy that saw half of one would have more of one than the other."""
    process = subprocess.Popen([sys.executable, "-c", _WRITING, here.database.url], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        before = here.cluster.execute("SELECT count(*) FROM roles", here.name)[0][0]
        until(lambda: here.cluster.execute("SELECT count(*) FROM roles", here.name)[0][0] > before, within=30)
        for number in range(3):
            said = server.take_snapshot(here.directory, "production", tmp_path / f"{number}", here.database)["facts"]
            assert said["counts"]["roles"] == said["counts"]["originals"]
            assert server.data_facts(tmp_path / f"{number}", database=here.database)["counts"] == said["counts"]
    finally:
        process.kill()
        process.communicate()


def test_a_damaged_dump_is_a_finding_and_leaves_no_database(here: Berth, copy: Path) -> None:
    content = (copy / DUMP_FILE).read_bytes()
    (copy / DUMP_FILE).write_bytes(content[: len(content) // 2])
    found = server.data_facts(copy, deep=True, database=here.database)
    assert codes(found) == {"damaged"}
    assert "cannot be restored" in found["problems"][0]["text"]
    assert here.beside() == []


def test_a_database_of_others_than_the_directory_is_found(here: Berth) -> None:
    identity = json.loads((here.directory / IDENTITY_FILE).read_text())
    (here.directory / IDENTITY_FILE).write_text(json.dumps({**identity, "id": "another"}))
    assert codes(server.data_facts(here.directory, database=here.database)) == {"wrong_database"}


def test_what_pg_dump_says_is_told_and_nothing_is_left(here: Berth, tmp_path: Path) -> None:
    here.cluster.execute("ALTER TABLE messages OWNER TO postgres", here.name)
    with pytest.raises(HomeportError, match="permission denied for table messages"):
        server.take_snapshot(here.directory, "production", tmp_path / "copy", here.database)
    assert not (tmp_path / "copy").exists()


def test_who_may_not_make_databases_is_told_what_to_ask_for(here: Berth, copy: Path) -> None:
    here.cluster.execute("ALTER ROLE homeport NOCREATEDB")
    with pytest.raises(HomeportError, match="CREATEDB") as refused:
        server.data_facts(copy, deep=True, database=here.database)
    assert "permission denied to create database" in refused.value.sentence


def test_no_password_is_on_a_command_line(postgres: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """pg_dump is one of ours here, which writes down how it was called."""
    with berth(postgres, tmp_path / "data", tcp=True) as made:
        programs = tmp_path / "99" / "bin"
        programs.mkdir(parents=True)
        (programs / "pg_dump").write_text(
            f'#!/bin/sh\necho "$@" > {tmp_path}/called\n/usr/bin/env > {tmp_path}/given\nexit 3\n'
        )
        (programs / "pg_dump").chmod(0o755)
        monkeypatch.setattr("homeport.storage.dumps.programs.DEBIAN", tmp_path)
        monkeypatch.setenv("PATH", "/nowhere")
        with pytest.raises(HomeportError, match="exit code 3"):
            server.take_snapshot(made.directory, "production", tmp_path / "copy", made.database)
        password = made.cluster.password_file.read_text().strip()
        assert password not in (tmp_path / "called").read_text()
        assert f"PGPASSWORD={password}" in (tmp_path / "given").read_text()


def test_a_password_opens_dump_and_scratch_database(postgres: Cluster, tmp_path: Path) -> None:
    with berth(postgres, tmp_path / "data", tcp=True) as made:
        server.take_snapshot(made.directory, "production", tmp_path / "copy", made.database)
        assert server.data_facts(tmp_path / "copy", deep=True, database=made.database)["problems"] == []


# --- scratch databases ----------------------------------------------------------------------------------------------


def test_a_snapshot_becomes_data_that_a_server_can_open(here: Berth, copy: Path) -> None:
    found = databases.load(copy, here.database)
    assert found["problems"] == []
    assert sorted(path.name for path in copy.iterdir()) == [ADDRESS_FILE, IDENTITY_FILE]
    (name,) = here.beside()
    assert messages_found(copy, "production", here.at(name), query="harmless") == [PRIVATE[8]]
    # A second time it is there.
    assert databases.load(copy, here.database)["counts"] == found["counts"]
    assert here.beside() == [name]


def test_a_scratch_database_stays_as_long_as_its_directory(here: Berth, copy: Path) -> None:
    databases.load(copy, here.database)
    kept = here.beside()
    assert databases.sweep(here.database)["swept"] == []
    shutil.rmtree(copy)
    assert databases.sweep(here.database)["swept"] == kept
    assert here.beside() == []


def test_databases_of_others_are_never_swept(here: Berth) -> None:
    other = f"{here.name}_scratch_of_mine"
    here.cluster.execute(f"CREATE DATABASE {other} OWNER homeport")
    assert databases.sweep(here.database)["swept"] == []
    assert here.beside() == [other]


def test_what_a_killed_run_left_is_swept_and_what_another_works_on_is_not(here: Berth, copy: Path) -> None:
    """The process is killed while it has a scratch database, as soon as that is there."""
    command = [sys.executable, "-c", _HOLDING, here.database.url, str(copy / DUMP_FILE)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        left = here.beside()
        assert len(left) == 1
        assert databases.sweep(here.database)["swept"] == []
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    until(lambda: databases.sweep(here.database)["swept"] == left, within=30)
    assert here.beside() == []


def left_by(here: Berth, name: str, **mark: str) -> str:
    """A scratch database whose directory is gone, with what its mark says."""
    here.cluster.execute(f"CREATE DATABASE {name} OWNER homeport")
    here.cluster.execute(f"COMMENT ON DATABASE {name} IS '{json.dumps({'homeport': 'scratch', **mark})}'")
    return name


def test_a_directory_has_the_database_that_its_address_means_and_none_whose_name_is_part_of_it(
    here: Berth, tmp_path: Path
) -> None:
    live = Of(here.at(quote(f"{here.name} of the team")))
    assert live.name == f"{here.name} of the team"
    try:
        with made(live, tmp_path) as scratch:
            stamp(tmp_path, scratch)
        assert databases.sweep(live.address)["swept"] == []
        stamp(tmp_path, live.beside(f"{scratch.name}_other"))
        assert databases.sweep(live.address)["swept"] == [scratch.name]
    finally:
        here.cluster.execute(f'DROP DATABASE IF EXISTS "{scratch.name}"')


def test_what_another_machine_of_the_same_name_has_is_left_alone(here: Berth) -> None:
    """Earlier versions did not say which machine it was besides its name."""
    there = {"owner": "/srv/copy", "host": socket.gethostname()}
    left_by(here, f"{here.name}_scratch_00000000000a", **there, machine="0123456789ab")
    old = left_by(here, f"{here.name}_scratch_00000000000b", **there)
    left_by(here, f"{here.name}_scratch_00000000000c", owner="/srv/copy", host="elsewhere")
    assert databases.sweep(here.database)["swept"] == [old]


@pytest.mark.skipif(os.geteuid() != 0, reason="a directory for temporary files of one's own takes root")
def test_a_unit_with_temporary_files_of_its_own_leaves_what_others_have_among_theirs(here: Berth, copy: Path) -> None:
    """As the drill by the clock, whose unit has ``PrivateTmp=yes``."""
    own = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs tmpfs /var/tmp && exec "$@"', "sh"]
    with tempfile.TemporaryDirectory(dir="/var/tmp") as directory:
        place = shutil.copytree(copy, Path(directory) / "copy")
        databases.load(place, here.database)
        [name] = here.beside()
        subprocess.run([*own, sys.executable, "-P", "-c", _SWEEPING, here.database.url], check=True)
        assert here.beside() == [name]
        old = left_by(here, f"{here.name}_scratch_00000000000a", owner=f"{directory}/gone", host=socket.gethostname())
        shutil.rmtree(place)
        assert databases.sweep(here.database)["swept"] == [name]
        # Nobody can tell where a mark of an earlier version was made.
        assert here.beside() == [old]


# --- into another environment ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", list(PRESETS))
def test_no_byte_of_a_secret_stays(here: Berth, copy: Path, policy: Scrub) -> None:
    done = server.prepare_snapshot(copy, "development", "production", policy, here.database)
    content, secrets = content_of(copy), here.written.secrets
    assert found_in(content, secrets) == []
    assert found_in(content, tuple(text.rpartition("_")[2] for text in secrets[:3])) == []
    assert {table: done["facts"]["counts"][table] for table in SECRET_TABLES} == dict.fromkeys(SECRET_TABLES, 0)
    assert server.data_facts(copy, deep=True, database=here.database)["problems"] == []
    private = {"none": [*PRIVATE, NAME], "texts": [NAME], "all": []}
    assert found_in(content, (*PRIVATE, NAME)) == private[policy]
    assert here.beside() == []


def test_the_same_is_taken_out_and_replaced_as_in_a_file_of_sqlite(here: Berth, copy: Path, tmp_path: Path) -> None:
    (tmp_path / "file").mkdir()
    write_data(tmp_path / "file")
    server.take_snapshot(tmp_path / "file", "production", tmp_path / "other")
    expected = server.prepare_snapshot(tmp_path / "other", "development", "production", "all")
    done = server.prepare_snapshot(copy, "development", "production", "all", here.database)
    assert (done["removed"], done["changed"]) == (expected["removed"], expected["changed"])


def test_it_becomes_another_and_is_found_by_what_it_says_now(here: Berth, copy: Path) -> None:
    server.prepare_snapshot(copy, "development", "production", "none", here.database)
    identity = check_owner(copy, "development")
    assert identity is not None
    assert identity["id"] != json.loads((here.directory / IDENTITY_FILE).read_text())["id"]
    databases.load(copy, here.database)
    (name,) = here.beside()
    assert messages_found(copy, "development", here.at(name), query="harmless") == [PRIVATE[8]]
    assert messages_found(copy, "development", here.at(name), query=here.written.token) == []


def test_live_data_cannot_be_prepared(here: Berth) -> None:
    with pytest.raises(GuardError, match="no snapshot"):
        server.prepare_snapshot(here.directory, "development", "production", "none", here.database)
    assert check_owner(here.directory, "production") is not None


# --- migrations -----------------------------------------------------------------------------------------------------


def test_what_migrations_must_have_left_is_there(here: Berth) -> None:
    assert server.verify_data(here.directory, here.database)["findings"] == []
    here.cluster.execute("UPDATE inboxes SET unread = unread + 1", here.name)
    (finding,) = server.verify_data(here.directory, here.database)["findings"]
    assert finding["migration"] == "0001"
    assert codes(server.data_facts(here.directory, deep=True, database=here.database)) == {"counts"}


def test_a_database_that_is_gone_is_told(here: Berth) -> None:
    here.cluster.drop(here.database)
    assert codes(server.data_facts(here.directory, database=here.database)) == {"unreadable"}
    with pytest.raises(HomeportError, match="does not exist"):
        server.take_snapshot(here.directory, "production", here.directory.parent / "copy", here.database)


def test_a_lost_address_is_told(here: Berth) -> None:
    (here.directory / ADDRESS_FILE).write_text("{}")
    with pytest.raises(CannotStartError, match=ADDRESS_FILE):
        server.data_facts(here.directory, database=here.database)
