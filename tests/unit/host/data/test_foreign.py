"""Snapshots of a directory that another program writes."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pysqlite3
import pytest

from homeport.errors import HomeportError
from homeport.host.archives.verifying import verify
from homeport.host.data.foreign import snapshot_foreign
from homeport.host.data.still import Patience
from tests.support.archives import content_of, make_tree, packed
from tests.support.rewriting import versions

JSON_V1 = Path(__file__).parents[3] / "data" / "json-v1"


@contextmanager
def rewriting(top: Path) -> Iterator[None]:
    command = [sys.executable, "-m", "tests.support.rewriting", str(top)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "begun\n"
            yield
            assert process.poll() is None, "it was still writing"
        finally:
            process.kill()


@pytest.mark.slow
def test_every_file_of_a_tree_that_is_rewritten_without_a_pause_is_whole(tmp_path: Path) -> None:
    live = tmp_path / "live"
    shutil.copytree(JSON_V1, live, copy_function=shutil.copyfile)
    for directory in (live, *(path for path in live.rglob("*") if path.is_dir())):
        directory.chmod(0o755)
    possible = {str(path.relative_to(live)): versions(path.read_text()) for path in live.rglob("*.json")}
    assert len(possible) > 5
    seen = set()
    with rewriting(live):
        for number in range(20):
            facts = snapshot_foreign(live, tmp_path / f"copy{number}")
            found = {
                str(path.relative_to(tmp_path / f"copy{number}")): path
                for path in sorted((tmp_path / f"copy{number}").rglob("*.json"))
            }
            assert found.keys() == possible.keys()
            for path, file in found.items():
                text = file.read_text()
                assert text in possible[path], f"{path} is none of the versions that were written"
                seen.add((path, text))
            assert not facts.odd
            log = (tmp_path / f"copy{number}" / "server.log").read_text()
            assert log.startswith("round 0\n")
    assert len(seen) > len(possible), "nothing was rewritten meanwhile"
    written = packed(tmp_path / "copy19", tmp_path / "backups")
    assert verify(written.path).manifest == written.manifest


def test_a_directory_at_rest_is_copied_as_it_is(tmp_path: Path) -> None:
    live = make_tree(
        tmp_path / "live", {"a.json": b"[1, 2, 3]", "sub/b.json": b'{"x": 1}', "c.bin": b"\0\xff", "d": b""}
    )
    (live / "c.bin").chmod(0o600)
    os.utime(live / "a.json", (1_700_000_000, 1_700_000_000))
    before = content_of(live)
    facts = snapshot_foreign(live, tmp_path / "copy")
    assert content_of(tmp_path / "copy") == before == content_of(live)
    assert (facts.files, facts.bytes, facts.odd, facts.databases) == (4, 19, (), ())
    assert facts.counts == {"a.json": 3, "sub/b.json": 1}
    assert facts.newest is not None
    assert (tmp_path / "copy" / "a.json").stat().st_mtime == 1_700_000_000


def test_what_is_no_file_is_named_and_left_out(tmp_path: Path) -> None:
    live = make_tree(tmp_path / "live", {"a.json": b"[]", "sub/b.txt": b"b"}, ())
    (tmp_path / "secret").write_text("outside")
    os.mkfifo(live / "pipe")
    (live / "out").symlink_to(tmp_path / "secret")
    (live / "nowhere").symlink_to("gone")
    (live / "loop").symlink_to("loop")
    (live / "to-directory").symlink_to("sub")
    (live / "inside").symlink_to("sub/b.txt")
    with closing(socket.socket(socket.AF_UNIX)) as listening:
        # The path of a socket must be short.
        here = Path.cwd()
        os.chdir(live)
        try:
            listening.bind("socket")
        finally:
            os.chdir(here)
        facts = snapshot_foreign(live, tmp_path / "copy")
    assert {(odd.path, odd.what) for odd in facts.odd} == {
        ("pipe", "is a fifo; left out"),
        ("socket", "is a socket; left out"),
        *((name, "is a link; left out") for name in ("out", "nowhere", "loop", "to-directory")),
    }
    files = {path: content for path, (_, content) in content_of(tmp_path / "copy").items() if content is not None}
    assert files == {"a.json": b"[]", "sub/b.txt": b"b", "inside": b"b"}
    assert not any(path.is_symlink() for path in (tmp_path / "copy").rglob("*"))


@pytest.mark.slow
def test_a_file_that_never_stands_still_is_named(tmp_path: Path) -> None:
    # So large that its program gets to run while it is copied, on a busy machine too.
    live = make_tree(tmp_path / "live", {"restless.bin": b""}, ())
    os.truncate(live / "restless.bin", 128 << 20)
    with (
        rewriting(live / "restless.bin"),
        pytest.raises(HomeportError, match=r"restless\.bin' is written without a pause"),
    ):
        snapshot_foreign(live, tmp_path / "copy", patience=Patience(seconds=0.3))
    assert not (tmp_path / "copy").exists()
    assert snapshot_foreign(live, tmp_path / "copy").files == 1


def test_json_that_is_broken_at_rest_is_kept_and_told(tmp_path: Path) -> None:
    live = make_tree(tmp_path / "live", {"broken.json": b'{"half": '}, ())
    os.utime(live / "broken.json", (1_700_000_000, 1_700_000_000))
    facts = snapshot_foreign(live, tmp_path / "copy")
    assert [str(odd) for odd in facts.odd] == [
        "'broken.json' is no valid JSON, and nobody is writing it; copied as it is"
    ]
    assert (tmp_path / "copy" / "broken.json").read_bytes() == b'{"half": '


def test_json_that_is_being_written_is_waited_for(tmp_path: Path) -> None:
    live = make_tree(tmp_path / "live", {"a.json": b""}, ())
    pauses = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            (live / "a.json").write_text('["whole"]')

    facts = snapshot_foreign(live, tmp_path / "copy", patience=Patience(pause=pause))
    assert json.loads((tmp_path / "copy" / "a.json").read_text()) == ["whole"]
    assert len(pauses) >= 3
    assert not facts.odd


def test_files_that_come_and_go_meanwhile_are_followed(tmp_path: Path) -> None:
    live = make_tree(tmp_path / "live", {"a.json": b"", "b.txt": b"b", "old/c.txt": b"c", "turns": b"file"}, ())

    def pause(_: float) -> None:
        """While the first file is waited for, everything else changes."""
        if (live / "old").exists():
            (live / "b.txt").unlink()
            shutil.rmtree(live / "old")
            (live / "turns").unlink()
            make_tree(live / "turns", {"into": b"a directory"}, ())
            (live / "new").mkdir()
            (live / "new" / "d.txt").write_bytes(b"d")
        (live / "a.json").write_bytes(b"[]")

    facts = snapshot_foreign(live, tmp_path / "copy", patience=Patience(pause=pause))
    assert content_of(tmp_path / "copy") == content_of(live)
    assert facts.files == 3


def test_a_log_that_only_grows_is_copied_up_to_where_it_was(tmp_path: Path) -> None:
    live = make_tree(tmp_path / "live", {"server.log": b"line\n" * 500_000}, ())
    done = threading.Event()

    def write() -> None:
        with (live / "server.log").open("ab", buffering=0) as out:
            while not done.is_set():
                out.write(b"line\n")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        facts = snapshot_foreign(live, tmp_path / "copy")
    finally:
        done.set()
        writer.join()
    content = (tmp_path / "copy" / "server.log").read_bytes()
    assert content == b"line\n" * (len(content) // 5)
    assert facts.bytes == len(content) >= 2_500_000


@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_a_database_is_copied_whole_while_it_is_written(tmp_path: Path, mode: str) -> None:
    live = make_tree(tmp_path / "live", {"notes.txt": b"n"}, ())
    done = threading.Event()
    begun = threading.Event()
    errors: list[Exception] = []

    def write() -> None:
        with closing(pysqlite3.connect(live / "app data.sqlite", timeout=30)) as database:
            database.execute(f"PRAGMA journal_mode = {mode}")
            database.execute("PRAGMA synchronous = OFF")
            database.execute("CREATE TABLE one (n INTEGER)")
            database.execute('CREATE TABLE "the other" (n INTEGER)')
            number = 0
            while not done.is_set():
                number += 1
                with database:
                    database.execute("INSERT INTO one VALUES (?)", (number,))
                    database.execute('INSERT INTO "the other" VALUES (?)', (number,))
                begun.set()

    def guarded() -> None:
        try:
            write()
        except Exception as error:  # noqa: BLE001 - told by the test
            errors.append(error)
            begun.set()

    writer = threading.Thread(target=guarded)
    writer.start()
    try:
        assert begun.wait(30)
        found = [snapshot_foreign(live, tmp_path / f"copy{number}") for number in range(5)]
    finally:
        done.set()
        writer.join()
    assert not errors
    for number, facts in enumerate(found):
        copy = tmp_path / f"copy{number}"
        assert sorted(path.name for path in copy.iterdir()) == ["app data.sqlite", "notes.txt"]
        assert facts.databases == ("app data.sqlite",)
        rows = facts.counts["app data.sqlite:one"]
        assert rows == facts.counts["app data.sqlite:the other"] > 0
        with closing(pysqlite3.connect(copy / "app data.sqlite")) as database:
            assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            assert database.execute("SELECT max(n) FROM one").fetchone() == (rows,)
    assert found[0].counts["app data.sqlite:one"] <= found[-1].counts["app data.sqlite:one"]


@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_a_database_whose_program_was_killed_is_copied_with_what_was_committed(tmp_path: Path, mode: str) -> None:
    live = tmp_path / "live"
    live.mkdir()
    script = (
        "import os, sys, pysqlite3 as sq\n"
        "db = sq.connect(sys.argv[1], isolation_level=None)\n"
        "db.execute('PRAGMA journal_mode = ' + sys.argv[2])\n"
        "db.execute('PRAGMA cache_size = 5')\n"
        "db.execute('CREATE TABLE t (x)')\n"
        "db.execute('INSERT INTO t VALUES (zeroblob(100000))')\n"
        "db.execute('BEGIN')\n"
        "db.executemany('INSERT INTO t VALUES (zeroblob(?))', [(50000,)] * 50)\n"
        "os._exit(9)\n"
    )
    ended = subprocess.run([sys.executable, "-c", script, str(live / "app.db"), mode], check=False, timeout=30)
    assert ended.returncode == 9
    before = content_of(live)
    assert len(before) > 1, "there is something beside it"
    facts = snapshot_foreign(live, tmp_path / "copy")
    assert facts.counts == {"app.db:t": 1}
    assert [path.name for path in (tmp_path / "copy").iterdir()] == ["app.db"]
    assert content_of(live)["app.db"] == before["app.db"], "the source is only read"


def test_what_only_looks_like_a_database_is_copied_as_a_file(tmp_path: Path) -> None:
    fake = b"SQLite format 3\0" + b"\xaa" * 5000
    live = make_tree(tmp_path / "live", {"fake.db": fake, "fake.db-wal": b"w", "cut.db": fake[:16]}, ())
    facts = snapshot_foreign(live, tmp_path / "copy")
    assert (tmp_path / "copy" / "fake.db").read_bytes() == fake
    assert (tmp_path / "copy" / "cut.db").read_bytes() == fake[:16]
    assert facts.databases == ()


def test_a_directory_that_is_not_there_or_a_copy_that_is_are_refused(tmp_path: Path) -> None:
    with pytest.raises(HomeportError, match="is not a directory that exists"):
        snapshot_foreign(tmp_path / "gone", tmp_path / "copy")
    (tmp_path / "there").mkdir()
    with pytest.raises(HomeportError, match="cannot be made: File exists"):
        snapshot_foreign(tmp_path / "there", tmp_path / "there")
    assert (tmp_path / "there").is_dir()
