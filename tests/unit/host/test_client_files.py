"""The files of clients on a real disk."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from homeport.errors import HomeportError
from homeport.host.client_files import own_command, read_client_file, replace_client_file


def mode_of(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


def test_a_new_file_is_made_with_its_directories(tmp_path: Path) -> None:
    file = tmp_path / "a" / "b" / "mcp.json"
    assert read_client_file(file) == ""
    assert replace_client_file(file, "", "new\n", private=False) is None
    assert (file.read_text(), mode_of(file)) == ("new\n", 0o644)


def test_what_was_there_is_kept_beside_it_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "mcp.json"
    file.write_text("first")
    file.chmod(0o664)
    one = replace_client_file(file, "first", "second", private=False)
    two = replace_client_file(file, "second", "third", private=False)
    assert one is not None
    assert two is not None
    assert (one.read_text(), two.read_text(), file.read_text()) == ("first", "second", "third")
    assert (mode_of(one), mode_of(file)) == (0o600, 0o664)


def test_a_file_that_gets_a_token_is_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "mcp.json"
    replace_client_file(file, "", "secret", private=True)
    assert mode_of(file) == 0o600
    file.chmod(0o644)
    replace_client_file(file, "secret", "secret 2", private=True)
    assert mode_of(file) == 0o600


def test_a_symbolic_link_stays_one(tmp_path: Path) -> None:
    real, link = tmp_path / "dotfiles.json", tmp_path / "mcp.json"
    real.write_text("old")
    link.symlink_to(real)
    replace_client_file(link, "old", "new", private=False)
    assert link.is_symlink()
    assert real.read_text() == "new"


def test_a_file_that_somebody_else_has_just_changed_is_left(tmp_path: Path) -> None:
    file = tmp_path / "mcp.json"
    file.write_text("theirs")
    with pytest.raises(HomeportError, match="just been changed"):
        replace_client_file(file, "what we read", "ours", private=False)
    assert file.read_text() == "theirs"
    assert list(tmp_path.iterdir()) == [file]


def test_a_file_that_is_no_text_is_named_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "mcp.json"
    file.write_bytes(b'{\n"a": "\xff"}')
    with pytest.raises(HomeportError, match=r"mcp.json, line 2: not UTF-8"):
        read_client_file(file)


def test_a_directory_in_the_way_is_said(tmp_path: Path) -> None:
    with pytest.raises(HomeportError, match="cannot be read"):
        read_client_file(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(HomeportError, match="cannot be"):
        replace_client_file(tmp_path / "file" / "mcp.json", "", "new", private=False)


def test_the_program_is_named_by_its_whole_path() -> None:
    assert Path(own_command()[0]).is_absolute()
