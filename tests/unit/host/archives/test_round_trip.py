"""What is packed comes out as it was, by our own hands and by tar's."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from homeport.environments.backups.paths import why_unsafe
from homeport.errors import HomeportError
from homeport.host.archives.extracting import extract
from homeport.host.archives.verifying import verify
from homeport.host.archives.writing import remove_leftovers, write_archive
from tests.support.archives import BACKUP, content_of, described, make_tree, packed, record_of

PARTS = st.one_of(
    st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=60),
    st.text("na\u00efve \u2693\U0001f6a2\n\t'\"\\-*", min_size=1, max_size=130),
    # Names that are no UTF-8, as the file system gives them.
    st.binary(min_size=1, max_size=20).map(os.fsdecode),
).filter(lambda part: why_unsafe(part) is None and "/" not in part)
FILES = st.dictionaries(st.lists(PARTS, min_size=1, max_size=4).map("/".join), st.binary(max_size=2000), max_size=12)


@given(FILES, st.lists(PARTS, max_size=3, unique=True))
@example({"a": b"", "a-": b"1", "b/c": b"2", "b-": b"3"}, [])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_every_tree_comes_back_as_it_was(files: dict[str, bytes], directories: list[str]) -> None:
    top = Path(tempfile.mkdtemp())
    try:
        tree = make_tree(top / "tree", {}, ())
        for directory in directories:
            (tree / directory).mkdir(parents=True, exist_ok=True)
        for path, content in files.items():
            if not any((tree / above).is_file() for above in Path(path).parents) and not (tree / path).is_dir():
                (tree / path).parent.mkdir(parents=True, exist_ok=True)
                (tree / path).write_bytes(content)
        written = packed(tree, top / "backups")
        assert verify(written.path, record_of(written)).manifest == written.manifest
        assert extract(written.path, top / "out", record_of(written)) == written.manifest
        assert content_of(top / "out") == content_of(tree)
    finally:
        shutil.rmtree(top)


def test_tar_opens_an_archive_and_zstd_tests_it(tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "tree")
    (tree / os.fsdecode(b"not \xff utf-8")).write_bytes(b"1")
    written = packed(tree, tmp_path / "backups")
    out = tmp_path / "out"
    out.mkdir()
    subprocess.run(["tar", "--zstd", "-xf", str(written.path)], cwd=out, check=True, timeout=30)
    assert content_of(out / f"data-{BACKUP}" / "data") == content_of(tree)
    assert sorted(path.name for path in (out / f"data-{BACKUP}").iterdir()) == ["data", "manifest.json"]
    tested = subprocess.run(["zstd", "-lv", str(written.path)], check=True, timeout=30, capture_output=True, text=True)
    assert "XXH64" in tested.stdout


def test_the_same_tree_gives_the_same_bytes(tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "tree")
    one, two = packed(tree, tmp_path / "one"), packed(tree, tmp_path / "two")
    assert one.path.read_bytes() == two.path.read_bytes()
    assert one.sha256 == two.sha256


def test_modes_and_times_come_back(tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "tree")
    os.utime(tree / "homeport.db", (1_000_000_000, 1_000_000_000))
    (tree / "identity.json").chmod(0o400)
    (tree / "empty").chmod(0o000)
    (tree / "messages").chmod(0o550)
    before = content_of(tree)
    written = packed(tree, tmp_path / "backups")
    extract(written.path, tmp_path / "out")
    assert content_of(tmp_path / "out") == before
    assert (tmp_path / "out" / "homeport.db").stat().st_mtime == 1_000_000_000
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o700
    assert written.path.stat().st_mode & 0o777 == 0o600


def test_progress_counts_every_byte(tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "tree")
    told: list[int] = []
    directory = tmp_path / "backups"
    directory.mkdir()
    written = write_archive(tree, directory / f"data-{BACKUP}.tar.zst", described(), progress=told.append)
    assert sum(told) == written.manifest.total_bytes
    told.clear()
    verify(written.path, progress=told.append)
    assert sum(told) == written.size


@pytest.mark.parametrize("kind", ["link", "fifo"])
def test_what_is_no_file_is_not_packed(tmp_path: Path, kind: str) -> None:
    tree = make_tree(tmp_path / "tree")
    if kind == "link":
        (tree / "messages" / "odd").symlink_to("/etc/passwd")
    else:
        os.mkfifo(tree / "messages" / "odd")
    with pytest.raises(HomeportError, match=r"'messages/odd' in .* is neither a file nor a directory"):
        packed(tree, tmp_path / "backups")
    assert list((tmp_path / "backups").iterdir()) == []


def test_a_file_that_changes_while_it_is_packed_is_named(tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "tree")

    def grow(count: int) -> None:
        with (tree / "identity.json").open("ab") as stream:
            stream.write(b"x" * count)

    directory = tmp_path / "backups"
    directory.mkdir()
    with pytest.raises(HomeportError, match=r"identity\.json' changed while it was packed"):
        write_archive(tree, directory / f"data-{BACKUP}.tar.zst", described(), progress=grow)
    assert list(directory.iterdir()) == []


def test_an_archive_is_never_written_over_another(tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "tree")
    written = packed(tree, tmp_path / "backups")
    before = written.path.read_bytes()
    with pytest.raises(HomeportError, match="exists already"):
        packed(tree, tmp_path / "backups")
    assert written.path.read_bytes() == before


def test_a_manifest_of_another_backup_is_not_written(tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "tree")
    with pytest.raises(ValueError, match="not one of this archive"):
        write_archive(tree, tmp_path / f"data-{BACKUP}.tar.zst", described("20251002T061500Z"))
    assert [path.name for path in tmp_path.iterdir()] == ["tree"]


def test_a_directory_that_exists_is_not_unpacked_into(tmp_path: Path) -> None:
    written = packed(make_tree(tmp_path / "tree"), tmp_path / "backups")
    for there in (tmp_path / "full", tmp_path / "link"):
        there.symlink_to(tmp_path) if there.name == "link" else there.mkdir()
        with pytest.raises(HomeportError, match="exists already"):
            extract(written.path, there)
    assert list((tmp_path / "full").iterdir()) == []


def test_leftovers_of_killed_writers_are_removed_and_nothing_else(tmp_path: Path) -> None:
    written = packed(make_tree(tmp_path / "tree"), tmp_path / "backups")
    left = tmp_path / "backups" / f".{written.path.name}.abc123.tmp"
    left.write_bytes(b"half")
    (tmp_path / "backups" / "notes.tmp").write_bytes(b"mine")
    assert remove_leftovers(tmp_path / "backups") == [left.name]
    assert sorted(path.name for path in (tmp_path / "backups").iterdir()) == [written.path.name, "notes.tmp"]
