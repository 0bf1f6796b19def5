"""What is sent to a service manager, and where to."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from homeport.server.manager import (
    READY,
    Manager,
    address_of,
    extension,
    manager_from,
    status,
    watchdog_of,
)

PID = 4711


def test_a_status_is_one_line_whatever_it_says() -> None:
    assert status("The disk\nis full.\tREADY=1") == "STATUS=The disk is full. READY=1"


def test_more_time_is_asked_for_in_microseconds() -> None:
    assert extension(60) == "EXTEND_TIMEOUT_USEC=60000000"


@pytest.mark.parametrize(
    ("text", "address"),
    [("/run/systemd/notify", "/run/systemd/notify"), ("@abc", "\0abc"), ("", None), ("@", None), ("vsock:2:1", None)],
)
def test_addresses_are_paths_or_abstract_names(text: str, address: str | None) -> None:
    assert address_of(text) == address


@pytest.mark.parametrize(
    ("seconds", "pid", "expected"),
    [
        ("30000000", "", 30.0),
        ("500000", "4711", 0.5),
        ("500000", "1", None),
        ("0", "", None),
        ("", "", None),
        ("soon", "", None),
        ("-1", "", None),
        ("9" * 30, "", None),
    ],
)
def test_the_watchdog_is_for_this_process_and_a_real_time(seconds: str, pid: str, expected: float | None) -> None:
    assert watchdog_of(seconds, pid, PID) == expected


@pytest.mark.parametrize("abstract", [False, True])
def test_what_is_told_arrives_and_children_do_not_inherit_it(tmp_path: Path, *, abstract: bool) -> None:
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notices:
        notices.bind(f"\0{path}" if abstract else path)
        environ = {"NOTIFY_SOCKET": f"@{path}" if abstract else path, "WATCHDOG_USEC": "1000", "WATCHDOG_PID": str(PID)}
        manager = manager_from(environ, PID)
        assert manager.tell(READY, status("Serving"))
        assert notices.recv(100) == b"READY=1\nSTATUS=Serving"
    assert environ == {}
    assert manager.watchdog_seconds == 0.001


def test_a_manager_that_is_gone_does_not_stop_the_server(tmp_path: Path) -> None:
    manager = manager_from({"NOTIFY_SOCKET": str(tmp_path / "nobody")}, PID)
    assert manager.present
    assert not manager.tell(READY)


def test_without_a_manager_nothing_is_sent_and_no_watchdog_runs() -> None:
    for manager in (Manager(), manager_from({"WATCHDOG_USEC": "1000"}, PID)):
        assert not manager.present
        assert not manager.tell(READY)
        assert manager.watchdog_seconds is None
