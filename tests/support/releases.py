"""A tiny server in a git repository, whose commits are releases that serve well or break in one way each."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Final

import pytest

from homeport.environments.environment import Environment
from homeport.host.declaration_file import read_declaration
from homeport.host.services.processes import ProcessManager
from tests.support.command_line import CommandLine
from tests.support.ports import free_ports

SERVER: Final = """
import json, os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from version import VERSION

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"status": "ok", "version": VERSION, "pid": os.getpid()}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):
        pass

ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""
NOTHING: Final[Mapping[str, str | None]] = {}
_VARIABLES: Final = {
    f"GIT_{who}_{what}": "x@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
} | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}


class Repository:
    """A git repository with a work tree."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *words: str) -> str:
        ran = subprocess.run(
            ["git", "-C", str(self.directory), *words],
            env={**os.environ, **_VARIABLES},
            capture_output=True,
            text=True,
            check=True,
        )
        return ran.stdout.strip()

    def write(self, files: Mapping[str, str | None]) -> None:
        for name, text in files.items():
            path = self.directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if text is None:
                path.unlink()
            else:
                path.write_text(text)

    def commit(self, files: Mapping[str, str | None]) -> str:
        """A commit with these files changed, and its name; None removes one."""
        self.write(files)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "a change")
        return self.git("rev-parse", "HEAD")


class Harbour(CommandLine):
    """An environment ``shop`` that is deployed from a repository, and the commands for it."""

    def __init__(self, directory: Path, capsys: pytest.CaptureFixture[str], more: str = "") -> None:
        super().__init__(directory / "homeport.toml", capsys)
        self.directory = directory
        self.repository = Repository(directory / "source")
        self.port = free_ports(1)[0]
        self.declare(more)

    def declare(self, more: str = "") -> None:
        command = json.dumps([sys.executable, "-B", "server.py"])
        self.file.write_text(
            f"[environments.shop]\nhttp_port = {self.port}\nprotocols = ['http']\nservice = 'processes'\n"
            f"command = {command}\nvariables = {{ PORT = '{self.port}' }}\nsource = 'source'\n{more}"
        )

    @property
    def environment(self) -> Environment:
        return read_declaration(self.file, {}).environment("shop")

    def release(self, version: str, files: Mapping[str, str | None] = NOTHING) -> str:
        """A commit that serves as this version, unless these files break it; its name."""
        self.repository.write({"server.py": SERVER, "version.py": f"VERSION = {version!r}\n"})
        return self.repository.commit(files)

    def deploy(self, *words: str, code: int = 0) -> Any:
        return self.json("deploy", "shop", "--watch", "0.5", "--wait", "15", *words, code=code)

    @property
    def serves(self) -> str:
        """The version that answers."""
        return str(self.json("status", "shop")["environments"][0]["version"])

    @property
    def releases(self) -> dict[str, Any]:
        """What ``homeport releases`` lists, by id."""
        return {one["id"]: one for one in self.json("releases", "shop")["releases"]}

    def stop(self) -> None:
        ProcessManager(PurePosixPath("/"), PurePosixPath("/"), grace=0.5).stop(self.environment)
