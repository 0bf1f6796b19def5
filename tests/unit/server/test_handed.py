"""Sockets of a service manager: taken as they were declared, or refused with both named."""

from __future__ import annotations

import fcntl
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from homeport.contract import ExitCode
from homeport.errors import CannotStartError
from homeport.server.handed import VARIABLES, by_port, count_handed, take_handed

PID = 4711


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """Closes what a test opens."""
    with ExitStack() as one:
        yield one


@pytest.fixture
def sockets(stack: ExitStack) -> dict[str, socket.socket]:
    """Two that listen."""
    return {name: stack.enter_context(socket.create_server(("127.0.0.1", 0))) for name in ("http", "sse")}


def ports(sockets: dict[str, socket.socket]) -> dict[str, int]:
    return {name: one.getsockname()[1] for name, one in sockets.items()}


def variables(**changes: str) -> dict[str, str]:
    return {"LISTEN_PID": str(PID), "LISTEN_FDS": "2", "LISTEN_FDNAMES": "http:sse", "PATH": "/bin", **changes}


def test_sockets_for_another_process_are_not_taken_and_not_passed_on() -> None:
    environ = variables(LISTEN_PID="1")
    assert take_handed(environ, PID) == []
    assert environ == {"PATH": "/bin"}


def test_without_a_service_manager_there_are_none() -> None:
    assert take_handed({}, PID) == []
    assert count_handed({}, PID) == 0


@pytest.mark.parametrize("count", ["", "two", "-1", "²", "99999"])
def test_a_count_that_is_no_number_cannot_start(count: str) -> None:
    with pytest.raises(CannotStartError, match="LISTEN_FDS"):
        count_handed(variables(LISTEN_FDS=count), PID)


def test_they_come_with_their_names_and_are_closed_to_children(sockets: dict[str, socket.socket]) -> None:
    first = fcntl.fcntl(sockets["http"].fileno(), fcntl.F_DUPFD, 200)
    assert fcntl.fcntl(sockets["sse"].fileno(), fcntl.F_DUPFD, first + 1) == first + 1
    environ = variables()
    taken = take_handed(environ, PID, first)
    assert [(name, one.getsockname()) for name, one in taken] == [
        (name, one.getsockname()) for name, one in sockets.items()
    ]
    assert not any(one.get_inheritable() for _, one in taken)
    assert not set(VARIABLES) & set(environ)
    for _, one in taken:
        one.close()


def test_a_descriptor_that_is_no_socket_cannot_start(tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb") as file, pytest.raises(CannotStartError, match=r"\(http\) is no socket"):
        take_handed(variables(LISTEN_FDS="1", LISTEN_FDNAMES="http"), PID, file.fileno())


def test_a_descriptor_that_is_not_open_cannot_start() -> None:
    with pytest.raises(CannotStartError, match=r"descriptor 900 \(unknown\) is no socket"):
        take_handed(variables(LISTEN_FDS="1"), PID, 900)


def test_they_are_sorted_by_the_declaration_whatever_their_order(sockets: dict[str, socket.socket]) -> None:
    handed = list(reversed(sockets.items()))
    assert by_port(handed, "127.0.0.1", ports(sockets)) == list(sockets.values())


def test_a_socket_of_another_name_is_known_by_its_port(sockets: dict[str, socket.socket]) -> None:
    handed = [("homeport-production.socket", one) for one in sockets.values()]
    assert by_port(handed, "127.0.0.1", ports(sockets)) == list(sockets.values())


def test_a_missing_one_is_named_with_its_port(sockets: dict[str, socket.socket]) -> None:
    declared = ports(sockets)
    with pytest.raises(CannotStartError) as caught:
        by_port([("http", sockets["http"])], "127.0.0.1", declared)
    assert f"no socket for 127.0.0.1:{declared['sse']} (sse)" in caught.value.sentence
    assert caught.value.exit_code == ExitCode.CANNOT_START


def test_another_port_than_the_declared_one_is_refused_with_both(sockets: dict[str, socket.socket]) -> None:
    declared = {**ports(sockets), "http": 3444}
    with pytest.raises(CannotStartError) as caught:
        by_port(list(sockets.items()), "127.0.0.1", declared)
    bound = sockets["http"].getsockname()[1]
    assert f"socket http is bound to 127.0.0.1:{bound}; declared is 127.0.0.1:3444" in caught.value.sentence


def test_another_address_than_the_declared_one_is_refused(sockets: dict[str, socket.socket]) -> None:
    with pytest.raises(CannotStartError, match=r"declared is 0\.0\.0\.0:"):
        by_port(list(sockets.items()), "0.0.0.0", ports(sockets))  # noqa: S104 - refused


def test_one_too_many_is_refused(sockets: dict[str, socket.socket], stack: ExitStack) -> None:
    other = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    handed = [*sockets.items(), ("admin", other)]
    with pytest.raises(CannotStartError, match=rf"\(admin\) that is bound to 127\.0\.0\.1:{other.getsockname()[1]}"):
        by_port(handed, "127.0.0.1", ports(sockets))


def test_two_of_one_name_are_refused(sockets: dict[str, socket.socket]) -> None:
    handed = [("http", sockets["http"]), ("http", sockets["http"])]
    with pytest.raises(CannotStartError, match="two sockets for http"):
        by_port(handed, "127.0.0.1", ports(sockets))


@pytest.mark.parametrize("family", [socket.AF_UNIX, socket.AF_INET])
def test_a_socket_of_another_kind_is_refused(family: socket.AddressFamily, stack: ExitStack) -> None:
    kind = socket.SOCK_STREAM if family == socket.AF_UNIX else socket.SOCK_DGRAM
    other = stack.enter_context(socket.socket(family, kind))
    with pytest.raises(CannotStartError, match=rf"http is no TCP socket \({family.name}, {kind.name}\)"):
        by_port([("http", other)], "127.0.0.1", {"http": 3444})


def test_a_socket_that_does_not_listen_is_refused(stack: ExitStack) -> None:
    other = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
    other.bind(("127.0.0.1", 0))
    with pytest.raises(CannotStartError, match="does not listen"):
        by_port([("http", other)], "127.0.0.1", {"http": other.getsockname()[1]})


def test_an_address_of_the_other_family_compares_by_its_value(stack: ExitStack) -> None:
    if not socket.has_ipv6 or subprocess.call([sys.executable, "-c", _TRY_SIX]) != os.EX_OK:
        pytest.skip("this machine has no ::1")
    six = stack.enter_context(socket.create_server(("::1", 0), family=socket.AF_INET6))
    port = six.getsockname()[1]
    assert by_port([("http", six)], "0:0:0:0:0:0:0:1", {"http": port}) == [six]


_TRY_SIX = "import socket; socket.create_server(('::1', 0), family=socket.AF_INET6).close()"
