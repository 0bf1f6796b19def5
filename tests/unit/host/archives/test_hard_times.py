"""Killed, out of space, and with little memory: the last good state stays, and nothing has the name of an archive."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pyrage
import pytest

from homeport.errors import HomeportError
from homeport.host.archives.extracting import extract, remove_unpacked_leftovers
from homeport.host.archives.sealing import Identity, Recipient
from homeport.host.archives.verifying import verify
from homeport.host.archives.writing import remove_leftovers
from tests.support.archive_child import IDENTITY
from tests.support.archives import BACKUP, content_of, make_tree, packed
from tests.support.waiting import until

MEGABYTE = 1 << 20
NAME = f"data-{BACKUP}.tar.zst"


def child(*arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.support.archive_child", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def peak(*arguments: object) -> int:
    """Bytes of memory that one piece of work took at most."""
    process = child(*arguments)
    told, _ = process.communicate(timeout=100)
    assert process.returncode == 0
    return int(told) * 1024


def noise(count: int) -> bytes:
    return random.Random(count).randbytes(count)


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_memory_does_not_grow_with_the_data(tmp_path: Path) -> None:
    block = noise(MEGABYTE)
    tree = make_tree(tmp_path / "tree", {}, ())
    with (tree / "homeport.db").open("wb") as out:
        for _ in range(300):
            out.write(block)
    small = make_tree(tmp_path / "small", {"homeport.db": block}, ())
    key = pyrage.x25519.Identity.generate()
    for name in ("large", "little"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "recipient.txt").write_text(str(key.to_public()))
        (tmp_path / name / IDENTITY).write_text(str(key))
        (tmp_path / name / IDENTITY).chmod(0o600)
    for ending, pack in ((".tar.zst", "pack"), (".tar.zst.age", "seal")):
        name = f"data-{BACKUP}{ending}"
        steps = [(pack, "", name), ("verify", name, "none"), ("extract", name, f"out{ending}")]
        for what, source, target in steps:
            large, little = (
                peak(what, tmp_path / directory / source if source else tree_of, tmp_path / directory / target)
                for directory, tree_of in (("large", tree), ("little", small))
            )
            assert large - little < 64 * MEGABYTE, f"{what} of 300 MB takes {large - little} bytes more than of one"
    assert (tmp_path / "large" / "out.tar.zst.age" / "homeport.db").stat().st_size == 300 * MEGABYTE


def killed_when(process: subprocess.Popen[str], seen: Callable[[], bool]) -> None:
    until(lambda: seen() or process.poll() is not None, within=30)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=30)
    assert process.returncode == -signal.SIGKILL, "it was done before it could be killed"


@pytest.mark.slow
@pytest.mark.parametrize("after", [0, 1, 20])
def test_a_killed_writer_leaves_no_archive_under_its_name(tmp_path: Path, after: int) -> None:
    tree = make_tree(tmp_path / "tree", {f"{number}": noise(4 * MEGABYTE) for number in range(10)}, ())
    backups = tmp_path / "backups"
    backups.mkdir()
    killed_when(
        child("pack", tree, backups / NAME),
        lambda: any(file.stat().st_size >= after * MEGABYTE for file in backups.iterdir()),
    )
    assert not (backups / NAME).exists()
    assert len(remove_leftovers(backups)) == 1
    assert list(backups.iterdir()) == []
    written = packed(tree, backups)
    assert verify(written.path).manifest == written.manifest


@pytest.mark.slow
@pytest.mark.parametrize("after", [0, 5])
def test_a_killed_unpacking_leaves_no_directory_under_its_name(tmp_path: Path, after: int) -> None:
    tree = make_tree(tmp_path / "tree", {f"{number}": noise(4 * MEGABYTE) for number in range(10)}, ())
    written = packed(tree, tmp_path / "backups")
    there = tmp_path / "there"
    there.mkdir()
    out = there / "data"
    killed_when(child("extract", written.path, out), lambda: len(list(there.rglob("*"))) > after)
    assert not out.exists()
    assert len(remove_unpacked_leftovers(out)) == 1
    assert list(there.iterdir()) == []
    extract(written.path, out)
    assert content_of(out) == content_of(tree)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of twenty megabytes."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a disk that is small enough to be filled")
    at = tmp_path / "disk"
    at.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=20m", "none", str(at)], check=False).returncode:
        pytest.skip("a file system cannot be mounted here")
    try:
        yield at
    finally:
        subprocess.run(["umount", str(at)], check=True)


def test_a_full_disk_leaves_the_last_good_archive(
    tmp_path: Path, small_disk: Path, keys: tuple[Recipient, Identity]
) -> None:
    good = packed(make_tree(tmp_path / "tree"), small_disk)
    large = make_tree(tmp_path / "large", {"noise": noise(30 * MEGABYTE)}, ())
    with pytest.raises(HomeportError, match=r"cannot be written: No space left on device. Nothing of it was kept"):
        packed(large, small_disk, backup="20261003T061500Z")
    with pytest.raises(HomeportError, match=r"cannot be written: No space left on device. Nothing of it was kept"):
        packed(large, small_disk, backup="20261003T061500Z", recipients=keys[:1])
    assert [file.name for file in small_disk.iterdir()] == [good.path.name]
    assert verify(good.path).manifest == good.manifest


def test_what_a_disk_has_no_room_for_is_not_unpacked(tmp_path: Path, small_disk: Path) -> None:
    large = packed(make_tree(tmp_path / "large", {"noise": noise(30 * MEGABYTE)}, ()), tmp_path / "backups")
    with pytest.raises(HomeportError, match=r"has room for|bytes it may have"):
        extract(large.path, small_disk / "data")
    assert list(small_disk.iterdir()) == []


def test_a_disk_that_fills_up_while_unpacking_leaves_nothing(tmp_path: Path, small_disk: Path) -> None:
    half = packed(make_tree(tmp_path / "half", {"noise": noise(10 * MEGABYTE)}, ()), tmp_path / "backups")
    told = 0

    def fill(count: int) -> None:
        nonlocal told
        told += count
        # Between the first reading, which found room, and the second.
        if told == half.size:
            (small_disk / "ballast").write_bytes(b"x" * 15 * MEGABYTE)

    with pytest.raises(HomeportError, match=r"cannot be written: No space left on device. Nothing was unpacked"):
        extract(half.path, small_disk / "data", progress=fill)
    assert [file.name for file in small_disk.iterdir()] == ["ballast"]
