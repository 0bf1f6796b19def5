"""Ports: free ones, and who holds the others. Real sockets."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from homeport.errors import CannotStartError, UsageError
from homeport.host.ports import PortHolder, check_ports, find_port_holder, is_listening, port_error, unit_of


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_free_ports_are_accepted_and_stay_free(taken: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        free = other.getsockname()[1]
    check_ports("127.0.0.1", {"http_port": free})
    check_ports("127.0.0.1", {"http_port": free})


def test_a_port_in_use_names_the_process_its_command_and_its_directory(taken: int) -> None:
    with pytest.raises(CannotStartError) as caught:
        check_ports("127.0.0.1", {"http_port": taken})
    assert caught.value.sentence.startswith(f"Port {taken} (http_port) is held by process {os.getpid()} (")
    assert f"in {Path.cwd()} " in caught.value.sentence
    assert "--port" in caught.value.hint


def test_another_process_that_holds_it_on_all_addresses_is_found(tmp_path: Path) -> None:
    program = "import socket, sys; s = socket.create_server(('', 0)); print(s.getsockname()[1], flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        port = int(other.stdout.readline())
        with pytest.raises(CannotStartError) as caught:
            check_ports("127.0.0.1", {"sse_port": port})
        holder = find_port_holder(port)
        other.communicate("\n")
    assert (holder.pid, holder.working_directory) == (other.pid, str(tmp_path))
    assert "socket.create_server" in (holder.command or "")
    assert caught.value.details["port"] == port


def test_a_port_whose_connections_only_linger_is_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        client = socket.create_connection(("127.0.0.1", port))
        accepted, _ = server.accept()
    # The server's side closes first, so that the port is left in TIME_WAIT.
    accepted.close()
    client.close()
    check_ports("127.0.0.1", {"http_port": port})


def test_an_address_of_another_machine_is_a_fault_of_the_declaration() -> None:
    with pytest.raises(UsageError, match=r"no address 192\.0\.2\.1"):
        check_ports("192.0.2.1", {"http_port": 40000})


def test_a_port_that_may_not_be_used_says_so() -> None:
    error = port_error("127.0.0.1", 81, "http_port", OSError(errno.EACCES, os.strerror(errno.EACCES)))
    assert error.sentence == "Port 81 (http_port) of 127.0.0.1 cannot be listened on: Permission denied."


def test_a_process_of_another_user_is_called_that(taken: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def blind(kind: str) -> list[object]:
        return [entry._replace(pid=None) for entry in real(kind)]

    real = psutil.net_connections
    monkeypatch.setattr(psutil, "net_connections", blind)
    with pytest.raises(CannotStartError, match="is held by a process of another user"):
        check_ports("127.0.0.1", {"http_port": taken})


def test_a_holder_says_what_is_known_of_it() -> None:
    assert str(PortHolder(7, "node server.js", "/srv", "x.service")) == (
        "process 7 (node server.js) in /srv of the unit x.service"
    )
    assert str(PortHolder(7, None, None, None)) == "process 7 of no systemd unit"


@pytest.mark.parametrize(
    ("cgroup", "unit"),
    [
        ("0::/system.slice/mcp-coordination.service\n", "mcp-coordination.service"),
        (
            "0::/system.slice/system-homeport.slice/homeport-production@blue.service\n",
            "homeport-production@blue.service",
        ),
        ("0::/user.slice/user-1000.slice/session-3.scope\n", None),
        ("0::/user.slice/user-1000.slice/user@1000.service/app.slice/run-u1.scope\n", None),
        ("0::/user.slice/user-1000.slice/user@1000.service/app.slice/dev.service\n", "dev.service"),
        ("0::/system.slice/a.service/workers\n", "a.service"),
        ("12:cpu:/\n1:name=systemd:/system.slice/old.service\n0::/system.slice/old.service\n", "old.service"),
        ("0::/\n", None),
        ("0::/init.scope\n", None),
        ("", None),
        ("nonsense\n", None),
    ],
)
def test_the_unit_is_read_from_the_control_group(cgroup: str, unit: str | None) -> None:
    assert unit_of(cgroup) == unit


def test_listening_is_told_from_not_listening(taken: int) -> None:
    assert is_listening("127.0.0.1", taken)
    with socket.create_server(("127.0.0.1", 0)) as other:
        free = other.getsockname()[1]
    assert not is_listening("127.0.0.1", free)
