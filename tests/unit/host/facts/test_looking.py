"""What is seen of directories, processes, crontabs and nginx on a real machine."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath

import pysqlite3
import pytest

from homeport.host.facts import cron
from homeport.host.facts.directories import look_at, names_in
from homeport.host.facts.processes import find_processes
from homeport.identity import new_identity, write_identity

NOW = datetime(2026, 10, 2, 12, 30, tzinfo=UTC)


def pure(path: Path) -> PurePosixPath:
    return PurePosixPath(path)


# --- directories ---


def test_a_directory_of_homeports_own_says_whose_it_is(tmp_path: Path) -> None:
    write_identity(tmp_path, new_identity("production"))
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file").write_bytes(b"x" * 1000)
    found = look_at(pure(tmp_path))
    assert (found.kind, found.environment, found.files) == ("homeport", "production", 2)
    assert found.size > 1000
    assert found.newest is not None
    assert found.device == tmp_path.stat().st_dev
    assert found.free > 0


def test_kinds_of_data_are_told_apart(tmp_path: Path) -> None:
    for name in ("json", "sqlite", "empty", "files"):
        (tmp_path / name).mkdir()
    (tmp_path / "json" / "instances.json").write_text("{}")
    pysqlite3.connect(tmp_path / "sqlite" / "x.db").execute("create table t (a)").connection.close()
    (tmp_path / "files" / "page.html").write_text("<p>")
    kinds = [look_at(pure(tmp_path / name)).kind for name in ("json", "sqlite", "empty", "files")]
    assert kinds == ["json-v1", "sqlite", "empty", "files"]


def test_a_directory_with_the_names_of_declared_data_is_of_their_kind(tmp_path: Path) -> None:
    for place, names in (("data", ("users", "items", "log")), ("old", ("users", "items")), ("other", ("a", "b"))):
        (tmp_path / place).mkdir()
        for name in names:
            (tmp_path / place / f"{name}.json").touch()
    like = [names_in(pure(tmp_path / "data"))]
    assert [look_at(pure(tmp_path / place), like).kind for place in ("data", "old", "other")] == [
        "alike",
        "alike",
        "files",
    ]


def test_what_is_missing_or_no_directory_does_not_exist(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert not look_at(pure(tmp_path / "missing")).exists
    assert not look_at(pure(tmp_path / "file")).exists


def test_a_broken_identity_claims_nobody(tmp_path: Path) -> None:
    (tmp_path / "identity.json").write_text("{")
    found = look_at(pure(tmp_path))
    assert (found.kind, found.environment) == ("homeport", None)


def test_a_repository_that_tracks_data_is_seen_and_one_that_ignores_them_is_not(tmp_path: Path) -> None:
    for command in (["init", "-q"], ["config", "user.email", "a@b"], ["config", "user.name", "a"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "instances.json").write_text("{}")
    assert look_at(pure(tmp_path / "data")).tracked is None
    subprocess.run(["git", "add", "data"], cwd=tmp_path, check=True)
    assert look_at(pure(tmp_path / "data")).tracked == pure(tmp_path)


# --- processes ---

HOLDER = """
import socket, sys
from pathlib import Path
import pysqlite3
connection = pysqlite3.connect(sys.argv[1])
connection.execute("create table t (a)")
listening = socket.create_server(("127.0.0.1", 0))
print(listening.getsockname()[1], flush=True)
sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A process that holds a port and has a database open."""
    command = [sys.executable, "-c", HOLDER, str(tmp_path / "x.db")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, text=True, cwd=tmp_path, **pipes) as process:  # type: ignore[call-overload]
        assert process.stdout is not None
        yield process, int(process.stdout.readline())
        process.kill()


def test_a_process_is_found_by_the_socket_that_it_holds(
    holder: tuple[subprocess.Popen[str], int], tmp_path: Path
) -> None:
    process, port = holder
    (found,) = find_processes([port], [])
    assert (found.pid, found.ports, found.directory) == (process.pid, (port,), pure(tmp_path))
    assert found.unit is None or found.unit.endswith(".service")
    assert pure(tmp_path / "x.db") in found.files
    assert found.sqlite == pysqlite3.sqlite_version
    assert abs((datetime.now(UTC) - found.started).total_seconds()) < 60


def test_a_process_is_found_by_the_directory_that_it_has_files_open_in(
    holder: tuple[subprocess.Popen[str], int], tmp_path: Path
) -> None:
    process, _ = holder
    assert [one.pid for one in find_processes([], [pure(tmp_path)])] == [process.pid]


def test_nobody_is_found_for_a_port_that_is_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as one:
        port = one.getsockname()[1]
    assert find_processes([port], []) == ()


# --- crontabs ---


@pytest.fixture
def crontabs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine's crontabs, in a directory of the test's own."""
    for name in ("cron.d", "spool", "cron.daily"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(cron, "SYSTEM", (tmp_path / "crontab", tmp_path / "cron.d"))
    monkeypatch.setattr(cron, "USERS", tmp_path / "spool")
    monkeypatch.setattr(cron, "PERIODIC", (tmp_path / "cron.daily",))
    return tmp_path


def packed(path: Path, age: timedelta, content: bytes = b"x" * 1000) -> None:
    path.parent.mkdir(exist_ok=True)
    inner = path.parent / "inner"
    inner.write_bytes(content)
    with tarfile.open(path, "w:gz") as archive:
        archive.add(inner, "inner")
    inner.unlink()
    at = (NOW - age).timestamp()
    os.utime(path, (at, at))


def test_a_job_is_found_by_the_directories_that_its_script_names(crontabs: Path) -> None:
    root = crontabs / "srv"
    script = crontabs / "backup.sh"
    script.write_text(
        f'SOURCE="{root}/production-data"\nTARGET={root}/backups\ntar -czf "$TARGET/x.tar.gz" -C "${{SOURCE}}" .\n'
    )
    (crontabs / "cron.d" / "backup").write_text(f"# nightly\n0 */6 * * * root {script}\n")
    root.mkdir()
    packed(root / "backups" / "data-1.tar.gz", timedelta(minutes=30))
    (job,) = cron.find_cron_jobs([pure(root)], NOW)
    assert job.source == f"{crontabs}/cron.d/backup, line 2"
    assert pure(root / "production-data") in job.paths
    assert pure(root / "backups") in job.paths
    assert [archive.opens for archive in job.archives] == [True]
    assert not job.overdue


def test_a_job_whose_archives_are_older_than_its_schedule_is_overdue(crontabs: Path) -> None:
    root = crontabs / "srv"
    root.mkdir()
    (crontabs / "spool" / "kai").write_text(f"0 */6 * * * tar -czf {root}/b/x.tar.gz {root}/data\n")
    packed(root / "b" / "x.tar.gz", timedelta(days=3))
    (job,) = cron.find_cron_jobs([pure(root)], NOW + timedelta(hours=1))
    assert job.overdue
    assert job.command.startswith("tar -czf")


def test_an_archive_that_was_cut_short_does_not_open(crontabs: Path) -> None:
    root = crontabs / "srv"
    root.mkdir()
    (crontabs / "crontab").write_text(f"@daily root tar -czf {root}/b/x.tar.gz {root}/data\n")
    packed(root / "b" / "x.tar.gz", timedelta(hours=1), os.urandom(100_000))
    whole = (root / "b" / "x.tar.gz").read_bytes()
    (root / "b" / "x.tar.gz").write_bytes(whole[: len(whole) // 2])
    (job,) = cron.find_cron_jobs([pure(root)], NOW)
    assert [archive.opens for archive in job.archives] == [False]


def test_a_script_of_cron_daily_is_a_job(crontabs: Path) -> None:
    root = crontabs / "srv"
    script = crontabs / "cron.daily" / "backup"
    script.write_text(f"#!/bin/sh\ncp -r {root}/data /mnt/backup\n")
    script.chmod(0o755)
    assert [job.source for job in cron.find_cron_jobs([pure(root)], NOW)] == [f"{script}, line 1"]


def test_jobs_that_name_nothing_of_ours_and_lines_that_are_no_jobs_are_left_out(crontabs: Path) -> None:
    (crontabs / "crontab").write_text(
        "MAILTO=root\nPATH=/usr/bin:/bin\n17 * * * * root run-parts /etc/cron.hourly\n\n# x\n"
    )
    assert cron.find_cron_jobs([pure(crontabs / "srv")], NOW) == ()
