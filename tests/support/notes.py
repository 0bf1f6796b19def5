"""A server of notes that is not Homeport's, with releases that bring migrations of its JSON data."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest

from tests.support.releases import Harbour
from tests.support.running import PROGRAM
from tests.support.waiting import until

FIRST: Final = "001-names.py"
SCRIPT: Final = f"""#!{sys.executable}
import json, pathlib, sys
file = pathlib.Path(sys.argv[2], "notes.json")
notes = json.loads(file.read_text())
if sys.argv[1] == "upgrade":
    notes = [note.upper() for note in notes]
    UPGRADE
    file.write_text(json.dumps(notes))
elif notes != [note.upper() for note in notes]:
    sys.exit("a note in small letters")
"""
SERVER: Final = """
import json, os, pathlib, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from version import VERSION
FILE = pathlib.Path(os.environ["DATA"], "notes.json")
ILL = pathlib.Path(os.environ["DATA"]).parent.parent / "ill"

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        notes = json.loads(FILE.read_text())
        if self.command == "POST":
            FILE.write_text(json.dumps([*notes, self.path[1:]]))
        body = json.dumps({"status": "ok", "version": VERSION, "notes": notes}).encode()
        self.send_response(503 if VERSION == "2" and ILL.exists() else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, format, *args):
        pass

ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""


class Shop(Harbour):
    """Version 1 serves notes, and the releases that come bring migrations of them."""

    def __init__(self, directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
        super().__init__(directory, capsys)
        self.declare()
        self.data.mkdir(parents=True)
        self.write(["one", "two"])
        self.version("1")
        self.first = self.deploy()["release"]

    def declare(self, more: str = "") -> None:
        super().declare(f"migrations = 'migrations'\n{more}")
        variables = f"PORT = '{self.port}', DATA = '{self.data}'"
        self.file.write_text(self.file.read_text().replace(f"PORT = '{self.port}'", variables, 1))

    @property
    def data(self) -> Path:
        return self.directory / "shop" / "data"

    def write(self, notes: list[str]) -> None:
        (self.data / "notes.json").write_text(json.dumps(notes))

    def version(self, version: str, upgrade: str | None = None, server: str = SERVER) -> None:
        """A commit that serves as this version, and has the migration with this statement more."""
        self.repository.write({"server.py": server, "version.py": f"VERSION = {version!r}\n"})
        if upgrade is not None:
            file = self.repository.directory / "migrations" / FIRST
            self.repository.write({f"migrations/{FIRST}": SCRIPT.replace("UPGRADE", upgrade)})
            file.chmod(0o755)
        self.repository.commit({})

    def asked(self) -> dict[str, Any]:
        """What the server says; nothing where none answers."""
        try:
            return dict(httpx2.get(f"http://127.0.0.1:{self.port}/", timeout=30).json())
        except httpx2.TransportError:
            return {}

    def notes(self) -> tuple[str, list[str]]:
        """Which version serves, and what."""
        found = until(self.asked, within=30)
        return found["version"], found["notes"]

    def post(self, note: str) -> None:
        httpx2.post(f"http://127.0.0.1:{self.port}/{note}", timeout=30)

    def pid(self) -> int:
        return int(self.json("status", "shop")["environments"][0]["server"]["pids"][0])

    def beside(self) -> list[str]:
        return sorted(path.name for path in self.data.parent.glob("data?*"))

    @contextmanager
    def going(self) -> Iterator[subprocess.Popen[str]]:
        """The deploy of version 2, from when that serves and is watched."""
        words = ("deploy", "shop", "--watch", "200", "--wait", "15", "--json", "--config", str(self.file))
        with subprocess.Popen([*PROGRAM, *words], stdout=-1, stderr=-1, text=True) as process:
            try:
                until(
                    lambda: self.asked().get("version") == "2" and list(self.data.parent.glob("*/served.json")),
                    within=60,
                )
                yield process
            finally:
                process.kill()
