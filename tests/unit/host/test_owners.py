"""Whose files are after root worked on a server's data."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import pytest

from homeport.environments.steps import Ownership
from homeport.host.owners import kept_by_its_owner, owner_of, set_owner

IS_ROOT = os.geteuid() == 0
NOBODY = Ownership("nobody", "daemon")


@pytest.mark.skipif(not IS_ROOT, reason="only root gives files away")
def test_what_root_makes_in_a_servers_data_becomes_the_servers(tmp_path: Path) -> None:
    set_owner(tmp_path, NOBODY)
    with kept_by_its_owner(tmp_path):
        (tmp_path / "homeport.db").write_text("new")
    assert owner_of(tmp_path / "homeport.db") == NOBODY


@pytest.mark.skipif(not IS_ROOT, reason="only root gives files away")
def test_also_where_the_work_failed_and_links_are_not_followed(tmp_path: Path) -> None:
    data, other = tmp_path / "data", tmp_path / "other"
    data.mkdir()
    other.write_text("root's")
    set_owner(data, NOBODY)
    with suppress(ZeroDivisionError), kept_by_its_owner(data):
        (data / "half").write_text("")
        (data / "link").symlink_to(other)
        raise ZeroDivisionError
    assert owner_of(data / "half") == owner_of(data / "link") == NOBODY
    assert owner_of(other).user == "root"


@pytest.mark.skipif(not IS_ROOT, reason="only root gives files away")
def test_a_file_with_a_second_name_elsewhere_is_not_given_away(tmp_path: Path) -> None:
    data, precious = tmp_path / "data", tmp_path / "precious"
    data.mkdir()
    precious.write_text("root's")
    set_owner(data, NOBODY)
    (data / "innocent").hardlink_to(precious)
    with kept_by_its_owner(data):
        pass
    assert owner_of(precious).user == "root"


def test_ones_own_directory_and_one_that_is_missing_are_left_alone(tmp_path: Path) -> None:
    with kept_by_its_owner(tmp_path / "missing"):
        pass
    with kept_by_its_owner(tmp_path):
        (tmp_path / "mine").write_text("")
    assert (tmp_path / "mine").stat().st_uid == os.geteuid()
