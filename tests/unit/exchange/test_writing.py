"""An export is written whole into a new or empty directory, or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from homeport.errors import HomeportError, UsageError
from homeport.exchange.json_v1.writing import write_directory

FILES = [("instances.json", b"{}"), ("messages/instances/Phoenix Fire/inbox.json", "🚢".encode())]


def left(directory: Path) -> list[str]:
    return sorted(file.relative_to(directory).as_posix() for file in directory.rglob("*") if file.is_file())


def test_files_are_written_below_a_directory_that_is_new(tmp_path: Path) -> None:
    write_directory(FILES, tmp_path / "out")
    assert left(tmp_path) == ["out/instances.json", "out/messages/instances/Phoenix Fire/inbox.json"]
    assert (tmp_path / "out" / FILES[1][0]).read_bytes() == FILES[1][1]
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o700, "private messages are among them"


def test_an_empty_directory_is_taken_with_its_mode(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir(mode=0o750)
    write_directory(FILES, tmp_path / "out")
    assert len(left(tmp_path / "out")) == 2
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o750


@pytest.mark.parametrize(
    ("target", "told"),
    [("full", "is not empty"), ("file", "is not a directory"), ("no/where", "no does not exist")],
)
def test_a_target_that_cannot_take_it_is_refused(target: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("x")
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match=told):
        write_directory(FILES, tmp_path / target)
    assert left(tmp_path) == ["file", "full/mine"]


@pytest.mark.parametrize("path", ["../x", "/etc/x", "a/../../x", "", "a/\0", "."])
def test_a_path_that_leads_out_writes_nothing_anywhere(path: str, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    with pytest.raises(UsageError, match="outside the directory"):
        write_directory([*FILES, (path, b"x")], tmp_path / "in" / "out")
    assert left(tmp_path) == []


def test_a_failure_half_way_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(HomeportError, match="failed: File name too long"):
        write_directory([*FILES, ("x" * 300, b"x")], tmp_path / "out")
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - names are what is wanted


def test_a_directory_that_was_filled_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.mkdir()

    def slow() -> Iterator[tuple[str, bytes]]:
        yield from FILES
        (target / "mine").write_text("x")

    with pytest.raises(HomeportError, match="Directory not empty"):
        write_directory(slow(), target)
    assert left(tmp_path) == ["out/mine"]
