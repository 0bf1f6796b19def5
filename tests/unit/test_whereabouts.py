"""Where the data of a directory are, and the password that opens a database."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from homeport.contract import DATABASE_FILE, DatabaseAddress
from homeport.contract.database import ADDRESS_FILE
from homeport.errors import CannotStartError
from homeport.whereabouts import check_whereabouts, read_password, read_whereabouts, write_whereabouts

URL = "postgresql://homeport@db.example.org/production"


def address(file: Path) -> DatabaseAddress:
    return DatabaseAddress(URL, str(file))


def written(directory: Path, content: bytes, mode: int = 0o600) -> Path:
    file = directory / "password"
    file.write_bytes(content)
    file.chmod(mode)
    return file


def test_a_directory_without_a_stamp_may_have_its_data_anywhere(tmp_path: Path) -> None:
    assert read_whereabouts(tmp_path) is None
    check_whereabouts(tmp_path, None)
    check_whereabouts(tmp_path, DatabaseAddress(URL))


def test_a_stamp_is_believed_however_the_same_database_is_written(tmp_path: Path) -> None:
    write_whereabouts(tmp_path, URL)
    assert read_whereabouts(tmp_path) == URL
    check_whereabouts(tmp_path, DatabaseAddress("postgres://other@DB.example.org:5432/production?sslmode=require"))
    with pytest.raises(CannotStartError, match="no database is declared"):
        check_whereabouts(tmp_path, None)
    with pytest.raises(CannotStartError, match=r"db\.example\.org:5432/production, and .*/other is declared"):
        check_whereabouts(tmp_path, DatabaseAddress("postgresql://homeport@db.example.org/other"))


def test_a_file_of_data_and_a_declared_database_are_not_both(tmp_path: Path) -> None:
    (tmp_path / DATABASE_FILE).touch()
    check_whereabouts(tmp_path, None)
    with pytest.raises(CannotStartError, match=r"holds its data in homeport\.db"):
        check_whereabouts(tmp_path, DatabaseAddress(URL))


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"url": 7}', '{"url": "mysql://u@h/d"}', '{"url": "postgresql://u:secret@h/d"}']
)
def test_a_stamp_that_is_none_is_refused_and_not_taken_for_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / ADDRESS_FILE).write_text(text)
    with pytest.raises(CannotStartError, match="no JSON object with the URL of a database") as caught:
        check_whereabouts(tmp_path, None)
    assert "secret" not in str(caught.value)


def test_a_stamp_holds_the_url_and_no_password(tmp_path: Path) -> None:
    write_whereabouts(tmp_path, URL)
    assert json.loads((tmp_path / ADDRESS_FILE).read_text()) == {"url": URL}


@pytest.mark.parametrize("content", [b"a password", b"a password\n", b"a password\r\n"])
def test_a_password_is_a_line(tmp_path: Path, content: bytes) -> None:
    found = read_password(address(written(tmp_path, content)))
    assert found is not None
    assert found.reveal() == "a password"


def test_blanks_are_part_of_a_password_and_no_file_is_no_password(tmp_path: Path) -> None:
    found = read_password(address(written(tmp_path, " ü \n".encode())))
    assert found is not None
    assert found.reveal() == " ü "
    assert read_password(DatabaseAddress(URL)) is None


@pytest.mark.parametrize("content", [b"", b"\n", b"one\ntwo\n", b"x" * 5000, b"a\0b"])
def test_what_is_no_password_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(CannotStartError, match="one line and nothing else"):
        read_password(address(written(tmp_path, content)))


def test_a_password_that_is_missing_or_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CannotStartError, match=r"No such file or directory \(ENOENT\)"):
        read_password(address(tmp_path / "nowhere"))
    with pytest.raises(CannotStartError, match="not UTF-8"):
        read_password(address(written(tmp_path, b"\xff\xfe")))


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o620, 0o602])
def test_a_password_that_others_may_read_or_write_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(CannotStartError, match="chmod go="):
        read_password(address(written(tmp_path, b"x", mode)))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files to other groups")
def test_what_systemd_hands_over_may_be_readable_for_roots_group_and_for_no_other(tmp_path: Path) -> None:
    file = written(tmp_path, b"x", 0o440)
    os.chown(file, 0, 0)
    assert read_password(address(file)) is not None
    os.chown(file, 0, 1)
    with pytest.raises(CannotStartError, match="chmod go="):
        read_password(address(file))
