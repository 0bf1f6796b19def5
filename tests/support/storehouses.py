"""Real servers of places: an object store and an SSH server, as processes of their own."""

from __future__ import annotations

import getpass
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from tests.support.ports import free_ports
from tests.support.waiting import until

BUCKET = "backups"


@dataclass(frozen=True)
class ObjectStore:
    """An S3-compatible server with one bucket, that anybody may use until it is told otherwise."""

    port: int

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(self, path: str, method: str = "POST", body: bytes = b"", service: str = "s3") -> str:
        credential = f"any/20261125/us-east-1/{service}/aws4_request"
        scope = f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0"
        form = "application/x-www-form-urlencoded" if service == "iam" else "text/plain"
        headers = {"Authorization": scope, "Content-Type": form}
        request = urllib.request.Request(  # noqa: S310 - http, this machine
            self.endpoint + path, method=method, data=body, headers=headers
        )
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - as above
            text: str = answer.read().decode()
            return text

    def make_user(self) -> tuple[str, str]:
        """A key and its secret, of a new user who may do everything with buckets."""
        policy = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}'
        common = {"Version": "2010-05-08", "UserName": f"user-{secrets.token_hex(4)}"}
        told = ""
        for action, more in (
            ("CreateUser", {}),
            ("PutUserPolicy", {"PolicyName": "all", "PolicyDocument": policy}),
            ("CreateAccessKey", {}),
        ):
            told = self.ask("/", body=urlencode({"Action": action, **common, **more}).encode(), service="iam")
        key, secret = (re.search(f"<{tag}>([^<]+)</{tag}>", told) for tag in ("AccessKeyId", "SecretAccessKey"))
        assert key is not None
        assert secret is not None
        return key[1], secret[1]

    @contextmanager
    def strict(self) -> Iterator[None]:
        """Only its users are let in meanwhile."""
        self.ask("/moto-api/reset-auth", body=b"0")
        try:
            yield
        finally:
            self.ask("/moto-api/reset-auth", body=b"inf")


@contextmanager
def object_store() -> Iterator[ObjectStore]:
    """A server with the bucket :data:`BUCKET`."""
    store = ObjectStore(free_ports(1)[0])
    command = [str(Path(sys.executable).with_name("moto_server")), "-H", "127.0.0.1", "-p", str(store.port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            until(lambda: process.poll() is not None or _answers(store.port), within=60)
            store.ask(f"/{BUCKET}", "PUT")
            yield store
        finally:
            process.kill()


@dataclass(frozen=True)
class SshServer:
    """An SSH server that lets one key in."""

    port: int
    user: str
    key: Path
    known_hosts: Path
    """Knows the server under any port."""


def why_no_ssh() -> str | None:
    """What is missing for :func:`ssh_server`, if something is."""
    missing = [name for name in ("sshd", "ssh", "ssh-keygen") if _program(name) is None]
    return f"not installed: {', '.join(missing)} (`make system` installs it)" if missing else None


@contextmanager
def ssh_server(top: Path) -> Iterator[SshServer]:
    """A server of this user, with keys of its own, on a free port; knows no password."""
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    for name in ("host_key", "user_key"):
        make_key(top / name)
    server = SshServer(free_ports(1)[0], getpass.getuser(), top / "user_key", top / "known_hosts")
    settings = {
        "ListenAddress": "127.0.0.1",
        "Port": server.port,
        "HostKey": top / "host_key",
        "AuthorizedKeysFile": top / "user_key.pub",
        "PidFile": "none",
        "StrictModes": "no",
        "UsePAM": "no",
        "PasswordAuthentication": "no",
        "KbdInteractiveAuthentication": "no",
        "PermitRootLogin": "prohibit-password",
        "Subsystem": "sftp internal-sftp",
    }
    (top / "sshd_config").write_text("".join(f"{key} {value}\n" for key, value in settings.items()))
    public = (top / "host_key.pub").read_text()
    server.known_hosts.write_text(f"* {public}")
    command = [str(_program("sshd")), "-D", "-e", "-f", str(top / "sshd_config")]
    with (top / "log").open("wb") as log, subprocess.Popen(command, stderr=log) as process:
        try:
            until(lambda: process.poll() is not None or _answers(server.port), within=30)
            assert process.poll() is None, (top / "log").read_text()
            yield server
        finally:
            process.kill()


def make_key(file: Path) -> None:
    """A key without a passphrase."""
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", str(file)]
    subprocess.run(command, check=True, timeout=30)


def _program(name: str) -> str | None:
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def why_no_rclone() -> str | None:
    """What is missing for rclone, if something is."""
    return None if _program("rclone") else "rclone is not installed (`make system` installs it)"
