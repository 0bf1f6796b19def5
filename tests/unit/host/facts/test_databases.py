"""What the doctor finds wrong with a database: each fault made on a real one."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path, PurePosixPath

import psycopg
import pytest

from homeport.cli import main
from homeport.contract import DatabaseAddress, ExitCode
from homeport.contract.database import DatabaseState
from homeport.contract.servers import ServerName, ServerSeen, home_of, server_in_words
from homeport.environments.backups.database_steps import ExchangeDatabase
from homeport.environments.doctor import databases as judging
from homeport.environments.doctor.data_places import find_data_faults
from homeport.environments.doctor.databases import find_database_faults
from homeport.environments.doctor.facts import HostFacts
from homeport.environments.doctor.finding import Finding
from homeport.environments.plan import Plan
from homeport.errors import UsageError
from homeport.host.facts.directories import look_at
from homeport.host.journal import Journal
from homeport.host.operation_lock import operation_lock
from homeport.identity import read_identity
from homeport.server.databases import drop_kept, reserved, state_of, sweep
from homeport.storage.dumps.cluster import Cluster as Of
from homeport.storage.dumps.stamps import stamp
from homeport.storage.migrations.revisions import HEAD
from homeport.storage.postgres.proofs import TABLE
from tests.support.facts import NOW, PRODUCTION
from tests.support.ports import free_ports
from tests.support.postgres import ROLE, Cluster, cluster
from tests.support.scratches import Berth, berth
from tests.support.waiting import until

pytestmark = pytest.mark.needs_postgres


@pytest.fixture
def here(postgres: Cluster, tmp_path: Path) -> Iterator[Berth]:
    with berth(postgres, tmp_path / "data") as made:
        yield made


def findings(here: Berth, **changes: object) -> list[Finding]:
    identity = read_identity(here.directory)
    return judged({**state_of(here.database, here.directory), **changes}, identity["id"] if identity else None)  # type: ignore[typeddict-item]


def judged(state: DatabaseState, identity: str | None = None) -> list[Finding]:
    environment = replace(PRODUCTION, database=DatabaseAddress("postgresql://declared@/x?host=/run"))
    ids = {} if identity is None else {"production": identity}
    facts = HostFacts(now=NOW, databases={"production": state}, identities=ids)
    return list(find_database_faults([environment], facts))


def only(found: list[Finding], kind: str) -> Finding:
    (finding,) = found
    assert finding.kind == kind
    assert finding.environment == "production"
    return finding


def test_a_database_on_which_all_is_well_has_no_finding(here: Berth) -> None:
    assert findings(here) == []
    state = state_of(here.database, here.directory)
    assert (state["major"], state["encoding"], state["role"]) == (15, "UTF8", ROLE)
    assert state["bytes"] > 1_000_000


def test_the_last_backup_is_the_newest_that_a_machine_has_told_of_this_very_database(here: Berth) -> None:
    assert state_of(here.database, here.directory).get("last_backup") is None
    of = "FROM pg_database WHERE datname = %s"
    tell = f"INSERT INTO {TABLE} SELECT %s, CAST(CAST(oid AS BIGINT) + %s AS OID), %s, NULL, false {of}"
    rows = [
        ("a", 0, "2026-10-02T10:00:00+00:00"),
        ("b", 0, "2026-10-02T09:00:00+00:00"),
        ("c", 1, "2026-10-02T11:00:00+00:00"),
    ]
    for teller, of_another, at in rows:
        here.cluster.execute(tell, here.name, [teller, of_another, at, here.name])
    assert state_of(here.database, here.directory).get("last_backup") == rows[0][2]
    here.cluster.execute(f"DROP TABLE {TABLE}", here.name)
    assert state_of(here.database, here.directory).get("last_backup") is None


def test_a_database_that_cannot_be_asked_is_found(here: Berth) -> None:
    here.cluster.drop(here.database)
    finding = only(findings(here), "database-unreachable")
    assert "does not exist" in finding.evidence[0]
    assert finding.mend == "Its administrator makes one: CREATE DATABASE name OWNER user."


def test_a_database_of_another_environment_is_found(here: Berth) -> None:
    here.cluster.execute("UPDATE homeport_identity SET id = 'other'", here.name)
    assert "but others than its data directory" in only(findings(here), "database-of-another").sentence
    here.cluster.execute("UPDATE homeport_identity SET environment = 'development'", here.name)
    assert "holds data of development" in only(findings(here), "database-of-another").sentence


def test_a_server_that_is_too_old_is_found(here: Berth) -> None:
    assert "PostgreSQL 13.4" in only(findings(here, major=13, version="13.4"), "database-old").sentence


def test_a_database_of_another_encoding_is_found(here: Berth) -> None:
    name = f"{here.name}_latin"
    here.cluster.execute(f"CREATE DATABASE {name} OWNER {ROLE} TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
    assert "LATIN1" in only(judged(state_of(here.at(name), here.directory)), "database-encoding").sentence


def test_a_role_that_cannot_back_up_is_found(here: Berth) -> None:
    here.cluster.execute(f"ALTER ROLE {ROLE} NOCREATEDB")
    here.cluster.execute("ALTER TABLE roles OWNER TO postgres", here.name)
    here.cluster.execute(f"ALTER DATABASE {here.name} OWNER TO postgres")
    here.cluster.execute(f"GRANT SELECT ON roles TO {ROLE}", here.name)
    evidence = only(findings(here), "backup-rights").evidence
    assert [line.partition(":")[0] for line in evidence] == [
        f"{ROLE} may not make databases",
        f"{ROLE} does not own the database",
        f"{ROLE} does not own roles",
    ]


def test_missing_programs_are_found(here: Berth, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("homeport.storage.dumps.programs.DEBIAN", tmp_path)
    monkeypatch.setenv("PATH", "/nowhere")
    found = only(findings(here), "pg-dump-missing")
    assert "There is no pg_dump" in found.evidence[0]
    assert found.mend == "apt-get install postgresql-client-15"
    old = tmp_path / "9" / "bin" / "pg_dump"
    old.parent.mkdir(parents=True)
    shutil.copy("/bin/true", old)
    assert "is of version 9, which is too old for a server of PostgreSQL 15" in findings(here)[0].evidence[0]


def test_connections_that_run_out_are_found(here: Berth) -> None:
    here.cluster.execute(f"ALTER DATABASE {here.name} CONNECTION LIMIT 2")
    with psycopg.connect(here.database.url):
        assert "2 of 2 connections to the database" in only(findings(here), "connections-nearly-used").sentence


def test_a_transaction_that_stays_open_is_found(here: Berth, monkeypatch: pytest.MonkeyPatch) -> None:
    with psycopg.connect(here.database.url, application_name="a report") as open_one:
        open_one.execute("SELECT 1")
        assert findings(here) == []
        monkeypatch.setattr(judging, "LONG_SECONDS", 0.0)
        assert "(a report, process" in only(findings(here), "transaction-long").evidence[0]


def test_rows_that_nobody_sees_are_found(here: Berth, monkeypatch: pytest.MonkeyPatch) -> None:
    here.cluster.execute("INSERT INTO roles SELECT g::text, 'x', 'x' FROM generate_series(1, 500) g", here.name)
    here.cluster.execute("DELETE FROM roles WHERE name = 'x'", here.name)
    assert findings(here) == []
    monkeypatch.setattr(judging, "DEAD_ROWS", 400)
    (found,) = until(lambda: findings(here), within=20)
    assert (found.kind, found.evidence[0].partition(",")[0]) == ("database-bloated", "roles: 500 dead")


def test_scratch_databases_that_were_left_are_found(here: Berth) -> None:
    name = f"{here.name}_scratch_0123456789ab"
    here.cluster.execute(f"CREATE DATABASE {name} OWNER {ROLE}")
    assert only(findings(here), "scratch-left-over").evidence == (name,)
    sweep(here.database)
    assert findings(here) == []


def declared(directory: Path, berth: Berth) -> Path:
    file = directory / "homeport.toml"
    file.write_text(f"[environments.production]\ndatabase = '{berth.database.url}'\n")
    return file


def test_a_database_that_was_kept_is_named_with_size_and_age_and_the_command_that_drops_it(
    here: Berth, tmp_path: Path
) -> None:
    label = "before_restore_20261002t070000z"
    kept = f"{here.name}_{label}"
    for name in (kept, f"{here.name}_of_a_person"):
        here.cluster.execute(f"CREATE DATABASE {name} OWNER {ROLE}")
    aside = tmp_path / "data.before-restore-20261002T070000Z"
    shutil.copytree(here.directory, aside)
    stamp(aside, Of(here.at(kept)))
    environment = replace(PRODUCTION, database=here.database)

    def found() -> tuple[list[Finding], list[Finding]]:
        states, beside = {"production": state_of(here.database, here.directory)}, (look_at(PurePosixPath(aside)),)
        facts = HostFacts(now=NOW, databases=states, directories=beside)
        return list(find_database_faults([environment], facts)), list(find_data_faults([environment], facts))

    database, data = found()
    finding = only(database, "database-kept")
    assert kept in finding.sentence
    assert re.fullmatch(r"[\d.]+ .B, kept since 20\d\d-.*", finding.evidence[0])
    assert str(aside) in finding.evidence[1]
    assert f"homeport data drop production --label {label}" in finding.mend
    # Without its database the directory is packed by the command for such; before that it would be packed alone.
    assert data == []
    with pytest.raises(UsageError, match="nothing was dropped"):
        drop_kept(here.database, "of_a_person")
    drop = ["data", "drop", "production", "--label", label, "--config", str(declared(tmp_path, here))]
    assert main(drop) == ExitCode.REFUSED, "nobody is here to be asked"
    assert only(found()[0], "database-kept") == finding
    # Nor while an operation may have to give it back, or one runs, here or on another machine.
    journal = tmp_path / "production" / "journal"
    journal.mkdir(parents=True)
    with operation_lock(journal, "production"):
        assert main([*drop, "--yes"]) == ExitCode.REFUSED
    with reserved(here.database, "production", "restore", needed=True):
        assert main([*drop, "--yes"]) == ExitCode.REFUSED
    place = PurePosixPath(tmp_path)
    plan = Plan("restore", "production", (ExchangeDatabase("production", place, place, place, label),))
    Journal(journal).begin("o-1", plan)
    assert main([*drop, "--yes"]) == ExitCode.REFUSED
    Journal(journal).end("o-1", "undone")
    assert only(found()[0], "database-kept") == finding
    assert main([*drop, "--yes"]) == ExitCode.DONE
    assert drop_kept(here.database, label) is None
    database, data = found()
    assert (database, [one.kind for one in data]) == ([], ["stale-data"])


@pytest.mark.slow
def test_a_standby_is_found_and_one_that_falls_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with cluster() as first, berth(first, tmp_path / "data") as made, following(first) as second:
        first.execute(f"GRANT pg_monitor TO {ROLE}")
        until(lambda: state_of(made.database, made.directory)["standbys"], within=30)
        assert findings(made) == []
        url = second.url(made.name)
        until(lambda: state_of(DatabaseAddress(url), made.directory)["problem"] == "", within=30)
        assert only(judged(state_of(DatabaseAddress(url), made.directory)), "database-standby").severity == "critical"
        second.execute("SELECT pg_wal_replay_pause()")
        first.execute("INSERT INTO roles SELECT g::text, 'x', 'x' FROM generate_series(1, 5000) g", made.name)
        monkeypatch.setattr(judging, "BEHIND_BYTES", 200_000)
        (found,) = until(lambda: findings(made), within=30)
        assert (found.kind, found.evidence) == ("standby-behind", ("follower at this machine: streaming",))


@contextmanager
def following(first: Cluster) -> Iterator[Cluster]:
    """A second server that follows the first, as pg_basebackup makes one."""
    with (first.directory / "data" / "pg_hba.conf").open("a") as file:
        file.write("local replication all trust\n")
    first.execute("SELECT pg_reload_conf()")
    directory = Path(tempfile.mkdtemp(prefix="homeport-pg-"))
    second = Cluster(first.programs, directory, first.address, free_ports(1)[0])
    try:
        if os.geteuid() == 0:
            shutil.chown(directory, "postgres", "postgres")
        place = f"host={first.directory} port={first.port} user=postgres application_name=follower"
        command = [
            str(first.programs / "pg_basebackup"),
            "-D",
            str(directory / "data"),
            "-R",
            "-c",
            "fast",
            "-d",
            place,
        ]
        as_postgres = ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--init-groups"]
        subprocess.run([*(as_postgres if os.geteuid() == 0 else ()), *command], check=True, cwd=directory)
        with (directory / "data" / "postgresql.conf").open("a") as file:
            file.write(f"port = {second.port}\nunix_socket_directories = '{directory}'\n")
        second.start()
        yield second
    finally:
        second.kill()
        shutil.rmtree(directory, ignore_errors=True)


@pytest.mark.slow
def test_a_log_that_is_not_archived_is_found(tmp_path: Path) -> None:
    with cluster() as first, berth(first, tmp_path / "data") as made:
        first.set(archive_mode="on", archive_command="false")
        first.restart()
        first.execute("SELECT pg_switch_wal()")
        (found,) = until(lambda: findings(made), within=60)
        assert found.kind == "log-not-archived"


def seen(release: str, knows: str, since: str, host: str = "db1") -> ServerSeen:
    return ServerSeen(knows=knows, release=release, host=host, address="10.0.0.7", since=since, here=False)


def test_servers_of_different_releases_are_found_when_no_deploy_takes_so_long(here: Berth) -> None:
    hours = [(NOW - timedelta(hours=number)).isoformat() for number in range(9)]
    rolled = [seen("a", HEAD, hours[8]), seen("a", HEAD, hours[0]), seen("b", HEAD, hours[2], "db2")]
    finding = only(findings(here, servers=rolled), "servers-differ")
    assert finding.sentence == "The servers of production have been of 2 releases for 2 h."
    assert "db2, 10.0.0.7 (release b" in finding.evidence[2]
    assert "homeport deploy production" in finding.mend
    assert findings(here, servers=[seen("a", HEAD, hours[8]), seen("b", HEAD, hours[0])]) == []
    assert findings(here, servers=[seen("a", HEAD, hours[8]), seen("a", HEAD, hours[3])]) == []


def test_a_server_of_another_role_is_seen_without_the_time_that_is_hidden(here: Berth) -> None:
    """PostgreSQL says of it what it is called, and neither since when nor from where."""
    name = str(ServerName("0001", "20261002T061500Z-aaaaaaa", home_of("another", "/data"), "db2"))
    with here.cluster.stranger() as role:
        with psycopg.connect(here.cluster.url(here.name, role=role), application_name=name):
            state = state_of(here.database, here.directory)
            assert state["problem"] == ""
            [one] = state["servers"]
            assert (one["host"], one["since"], one["address"]) == ("db2", "", "")
            assert server_in_words(one) == "the server on db2 (release 20261002T061500Z-aaaaaaa)"
            long_ago = (NOW - timedelta(hours=9)).isoformat()
            assert findings(here, servers=[seen("a", HEAD, long_ago), one]) == [], "nobody knows for how long"
        until(lambda: not here.cluster.connections(here.name), within=20)


def test_a_server_that_cannot_live_with_the_schema_is_found(here: Berth) -> None:
    """A real one: it says in the database who it is and what it knows."""
    old = str(ServerName("0001", "20261002T061500Z-aaaaaaa", home_of("another", "/data"), "db2"))
    with psycopg.connect(here.database.url, application_name=old):
        assert findings(here) == [], "its migrations say that the first release can use it"
        here.cluster.execute("UPDATE homeport_identity SET usable_from = %s", here.name, [int(HEAD)])
        finding = only(findings(here), "server-left-behind")
    assert finding.severity == "critical"
    assert finding.sentence == f"1 servers of production cannot live with the schema {HEAD} that its data have."
    assert finding.evidence[0].startswith("the server on db2 (release 20261002T061500Z-aaaaaaa, since ")
    assert finding.evidence[0].endswith(" knows 0001")
    assert findings(here) == []
