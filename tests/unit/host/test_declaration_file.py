"""Finding and reading homeport.toml."""

from __future__ import annotations

from pathlib import Path

import pytest

from homeport.environments.faults import DeclarationError
from homeport.errors import UsageError
from homeport.host.declaration_file import find_file, read_declaration

TWO = "[environments.production]\n[environments.development]\n"


def test_the_nearest_file_upwards_is_found(tmp_path: Path) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / "homeport.toml").touch()
    assert find_file(inner) == tmp_path / "homeport.toml"
    (inner / "homeport.toml").touch()
    assert find_file(inner) == inner / "homeport.toml"


def test_a_directory_stands_for_the_file_in_it(tmp_path: Path) -> None:
    (tmp_path / "homeport.toml").write_text(TWO)
    assert read_declaration(tmp_path).file == str(tmp_path / "homeport.toml")


def test_a_missing_file_says_what_writes_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"There is no .*homeport.toml") as caught:
        read_declaration(tmp_path / "homeport.toml")
    assert "homeport init" in caught.value.hint
    assert "homeport up" in caught.value.hint


def test_a_file_that_is_not_text_is_told_where(tmp_path: Path) -> None:
    (tmp_path / "homeport.toml").write_bytes(b"# \xff\n")
    with pytest.raises(UsageError, match="is not UTF-8 text: invalid start byte at byte 2"):
        read_declaration(tmp_path)


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "homeport.toml").write_bytes(b"\xef\xbb\xbf[environments.production]\r\nhttp_port = 5000\r\n")
    assert read_declaration(tmp_path).environment("production").http_port == 5000


def test_a_root_that_does_not_exist_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "homeport.toml").write_text(f'root = "gone"\n{TWO}')
    with pytest.raises(DeclarationError, match=f"root: {tmp_path}/gone is not a directory that exists"):
        read_declaration(tmp_path)


def test_data_shared_by_a_symbolic_link_are_shared_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "homeport.toml").write_text(TWO)
    (tmp_path / "production" / "data").mkdir(parents=True)
    (tmp_path / "development").mkdir()
    (tmp_path / "development" / "data").symlink_to(tmp_path / "production" / "data")
    with pytest.raises(DeclarationError) as caught:
        read_declaration(tmp_path)
    assert f"environments.development.data: {tmp_path}/production/data is production's data, by a symbolic link" in [
        str(fault) for fault in caught.value.faults
    ]


def test_a_workspace_that_is_reached_by_a_link_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "homeport.toml").write_text(TWO)
    (tmp_path / "link").symlink_to("real")
    production = read_declaration(tmp_path / "link").environment("production")
    assert str(production.data_directory) == f"{tmp_path}/link/production/data"
