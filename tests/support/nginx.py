"""A real nginx with TLS, in front of a server: its configuration, its certificate, and its end."""

from __future__ import annotations

import shutil
import signal
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.support.certificates import write_certificate
from tests.support.ports import free_ports
from tests.support.waiting import until

_CONFIGURATION: Final = """\
daemon off;
master_process off;
pid {directory}/nginx.pid;
error_log {directory}/error.log warn;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
{servers}
}}
"""


def find_nginx() -> str | None:
    """The program, also where it stands outside a user's PATH, as on Debian."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")


@dataclass(frozen=True)
class Nginx:
    """A running nginx.

    Attributes:
        port: of 127.0.0.1 and ::1, with TLS.
        certificate: that a client has to trust.
        directory: its files; ``error.log`` among them.
    """

    port: int
    certificate: Path
    directory: Path

    def trusting(self) -> ssl.SSLContext:
        """What checks its certificate, name and all."""
        return ssl.create_default_context(cafile=str(self.certificate))


@contextmanager
def nginx(directory: Path, hosts: tuple[str, ...], body: str) -> Iterator[Nginx]:
    """Starts nginx with one server that speaks TLS, and ends it.

    Args:
        directory: an empty one for its files.
        hosts: the names of the certificate, which is the server's for all of them.
        body: what stands in its ``server`` besides the certificate, such as locations.
    """
    certificate, key = write_certificate(directory, hosts)
    (port,) = free_ports(1)
    server = (
        f"    server {{\n    listen 127.0.0.1:{port} ssl;\n    listen [::1]:{port} ssl;\n    server_name _;\n"
        f"    ssl_certificate {certificate};\n    ssl_certificate_key {key};\n{body}\n    }}"
    )
    with serving(directory, server, lambda: _listens(port)):
        yield Nginx(port, certificate, directory)


@contextmanager
def serving(
    directory: Path, servers: str, is_there: Callable[[], bool], *, more: str = "", prefix: Sequence[str] = ()
) -> Iterator[None]:
    """Starts nginx, waits until it is there, and ends it.

    Args:
        directory: an empty one for its files.
        servers: what stands in its ``http``.
        is_there: whether it can be reached.
        more: what stands before its ``http``.
        prefix: what it is started through.
    """
    program = find_nginx()
    assert program is not None, "mark this test needs_nginx"
    file = directory / "nginx.conf"
    file.write_text(more + _CONFIGURATION.format(directory=directory, servers=servers))
    command = [*prefix, program, "-p", str(directory), "-c", str(file), "-e", str(directory / "error.log")]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:

        def came() -> bool:
            assert process.poll() is None, (directory / "error.log").read_text()
            return is_there()

        try:
            until(came, within=20)
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)


def _listens(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0
