"""The private socket: for its user alone, never taken from a server that lives."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

from homeport.errors import CannotStartError
from homeport.server.private import LONGEST, private_socket


def test_it_is_for_its_user_alone_and_gone_in_the_end(tmp_path: Path) -> None:
    path = tmp_path / "blue.sock"
    before = os.umask(0)
    try:
        with private_socket(path), socket.socket(socket.AF_UNIX) as client:
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            client.connect(str(path))
    finally:
        os.umask(before)
    assert not list(tmp_path.iterdir())


def test_one_that_a_killed_server_left_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "blue.sock"
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(path))
    with private_socket(path), socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
    assert not path.exists()


def test_one_at_which_somebody_listens_is_refused_and_left(tmp_path: Path) -> None:
    path = tmp_path / "blue.sock"
    with private_socket(path):
        with pytest.raises(CannotStartError, match="Somebody listens at"), private_socket(path):
            pass
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))


def test_something_else_at_its_place_is_refused_and_left(tmp_path: Path) -> None:
    path = tmp_path / "blue.sock"
    path.write_text("notes")
    with pytest.raises(CannotStartError, match="is no socket"), private_socket(path):
        pass
    assert path.read_text() == "notes"


def test_a_successors_socket_is_not_removed(tmp_path: Path) -> None:
    path = tmp_path / "blue.sock"
    with private_socket(path):
        path.unlink()
        path.write_text("another's")
    assert path.read_text() == "another's"


def test_a_directory_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(CannotStartError, match="cannot be made: No such file or directory"):
        private_socket(tmp_path / "run" / "blue.sock").__enter__()


def test_a_path_that_no_system_takes_is_refused_before_it_is_tried(tmp_path: Path) -> None:
    path = tmp_path / ("x" * LONGEST)
    with pytest.raises(CannotStartError, match="too long for a unix socket"), private_socket(path):
        pass
    assert not list(tmp_path.iterdir())
