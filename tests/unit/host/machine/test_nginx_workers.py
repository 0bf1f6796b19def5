"""What tells nginx to read its configuration is over when nginx serves by it: a real nginx, and its real workers."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from homeport.errors import HomeportError
from homeport.host.machine.nginx_workers import served_anew
from tests.support.nginx import find_nginx
from tests.support.ports import free_ports
from tests.support.waiting import until

pytestmark = pytest.mark.needs_nginx

_CONFIGURATION: Final = """\
daemon off;
worker_processes 2;
pid {directory}/nginx.pid;
error_log {directory}/error.log warn;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    server {{ listen 127.0.0.1:{port}; location / {{ return 200 "{said}"; }} }}
}}
"""


@dataclass(frozen=True)
class Running:
    pid: int
    port: int
    directory: Path

    def says(self, words: str) -> None:
        text = _CONFIGURATION.format(directory=self.directory, port=self.port, said=words)
        (self.directory / "nginx.conf").write_text(text)

    def said(self) -> str:
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as one:
            one.sendall(b"GET / HTTP/1.0\r\n\r\n")
            with one.makefile("r") as answer:
                return answer.read().partition("\n\n")[2]

    def titles(self) -> list[str]:
        """What its children call themselves."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return [Path(f"/proc/{pid}/cmdline").read_text().rstrip("\0") for pid in children]

    def read_anew(self) -> None:
        os.kill(self.pid, signal.SIGHUP)

    def end(self) -> None:
        os.kill(self.pid, signal.SIGTERM)
        until(lambda: not (self.directory / "nginx.pid").exists())


@contextmanager
def running(directory: Path) -> Iterator[Running]:
    program = find_nginx()
    assert program is not None
    (port,) = free_ports(1)
    Running(0, port, directory).says("first")
    command = [program, "-p", str(directory), "-c", str(directory / "nginx.conf"), "-e", str(directory / "error.log")]
    with subprocess.Popen(command) as process:
        one = Running(process.pid, port, directory)
        try:
            until(lambda: one.titles().count("nginx: worker process") == 2)
            yield one
        finally:
            process.terminate()
            process.wait(20)


def test_the_first_request_after_a_reload_is_answered_by_the_new_configuration(tmp_path: Path) -> None:
    with running(tmp_path) as nginx:
        for number in range(8):
            nginx.says(f"number {number}")
            with served_anew(master=lambda: nginx.pid):
                nginx.read_anew()
            assert nginx.said() == f"number {number}"


def test_a_worker_that_still_answers_somebody_is_not_waited_for(tmp_path: Path) -> None:
    with running(tmp_path) as nginx, socket.create_connection(("127.0.0.1", nginx.port), timeout=10) as slow:
        slow.sendall(b"GET / HTTP/1.0\r\n")
        # What connects later is taken later: the one before was accepted.
        assert nginx.said() == "first"
        nginx.says("second")
        with served_anew(master=lambda: nginx.pid):
            nginx.read_anew()
        assert nginx.said() == "second"


def test_a_configuration_that_nginx_does_not_take_is_told_with_where_it_says_why(tmp_path: Path) -> None:
    with running(tmp_path) as nginx:
        (tmp_path / "nginx.conf").write_text("no_such_directive on;")
        told = r"still serves with the configuration before .* seconds later\. journalctl -u nginx"
        with pytest.raises(HomeportError, match=told), served_anew(master=lambda: nginx.pid, patience=0.5):
            nginx.read_anew()
        assert nginx.said() == "first"


def test_an_nginx_that_ended_at_what_it_was_told_is_told(tmp_path: Path) -> None:
    with running(tmp_path) as nginx:
        told = r"has no process that serves .* seconds later\. journalctl -u nginx"
        with pytest.raises(HomeportError, match=told), served_anew(master=lambda: nginx.pid, patience=0.5):
            nginx.end()
