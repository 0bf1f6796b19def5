"""The proposal's own deployment: a Node program with a JSON data directory, from a git repository."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import httpx2

from tests.support.checkouts import ROOT, commit, new_repository
from tests.support.ports import free_ports
from tests.support.waiting import until

SAMPLE: Final = ROOT / "tests" / "data" / "json-v1"
SERVER: Final = """
const http = require("node:http")
const fs = require("node:fs")
const path = require("node:path")
const { VERSION } = require("./version.js")
const inbox = path.join(process.env.DATA_DIR, "messages", "inbox", "inbox.json")
const read = () => JSON.parse(fs.readFileSync(inbox))
http.createServer((request, response) => {
  const found = read()
  const list = Array.isArray(found) ? found : found.messages
  if (request.method === "POST") {
    list.push({ id: `msg-${list.length}-${process.hrtime.bigint()}`, subject: request.url })
    fs.writeFileSync(`${inbox}.tmp`, JSON.stringify(found))
    fs.renameSync(`${inbox}.tmp`, inbox)
  }
  response.setHeader("Content-Type", "application/json")
  const environment = process.env.NODE_ENV
  response.end(JSON.stringify({ status: "healthy", version: VERSION, environment, messages: list.length }))
}).listen(Number(process.env.HTTP_PORT), "127.0.0.1", () => console.log("ready"))
"""


class Team:
    """Development's checkout, production's releases, and the commands for them.

    Args:
        directory: for all of it.
        node: the program.
    """

    def __init__(self, directory: Path, node: Path) -> None:
        self.directory = directory
        self.checkout = new_repository(directory / "checkout")
        (self.checkout / "src").mkdir()
        (self.checkout / "src" / "server.js").write_text(SERVER)
        self.version("1")
        self.ports = dict(zip(("production", "development"), free_ports(2), strict=True))
        self.file = directory / "homeport.toml"
        self.file.write_text(
            "".join(
                f"[environments.{name}]\nhttp_port = {port}\nprotocols = ['http']\nservice = 'processes'\n"
                f"command = {json.dumps([str(node), 'src/server.js'])}\nhealth_says = {{ status = 'healthy' }}\n"
                f"variables = {{ HTTP_PORT = '{port}', NODE_ENV = '{name}', DATA_DIR = '{self.data(name)}' }}\n"
                f"{where} = 'checkout'\n"
                for (name, port), where in zip(self.ports.items(), ("source", "checkout"), strict=True)
            )
        )
        for name in self.ports:
            shutil.copytree(SAMPLE, self.data(name))

    def data(self, environment: str) -> Path:
        return self.directory / environment / "data"

    def version(self, text: str, **more: str) -> str:
        """A commit that serves as this version, unless these files break it."""
        (self.checkout / "src" / "version.js").write_text(f"exports.VERSION = {text!r}\n")
        for name, content in more.items():
            (self.checkout / "src" / name.replace("_", ".")).write_text(content)
        return commit(self.checkout, f"version {text}")

    def say(self, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-P", "-m", "homeport", *words, "--config", str(self.file)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stdout + done.stderr
        return done

    def run(self, *words: str, code: int = 0) -> Any:
        done = self.say(*words, "--json", code=code)
        return json.loads(done.stdout if code == 0 else done.stderr.strip().splitlines()[-1])

    def deploy(self, *words: str, code: int = 0) -> Any:
        return self.run("deploy", "production", "--yes", "--watch", "0.5", "--wait", "20", *words, code=code)

    def serves(self, environment: str = "production") -> dict[str, Any]:
        """What answers; nothing where nobody does."""
        try:
            return dict(httpx2.get(f"http://127.0.0.1:{self.ports[environment]}/health", timeout=30).json())
        except httpx2.TransportError:
            return {}

    def write(self, subject: str) -> int:
        """A message to production; how many there are then."""
        answer = httpx2.post(f"http://127.0.0.1:{self.ports['production']}/{subject}", timeout=30)
        return int(answer.json()["messages"])

    def subjects(self) -> list[str]:
        """Of what is on production's disk."""
        found = json.loads((self.data("production") / "messages" / "inbox" / "inbox.json").read_text())
        return [one["subject"] for one in (found if isinstance(found, list) else found["messages"])]

    def close(self) -> None:
        """Ends both servers."""
        for name in self.ports:
            self.say("stop", name)
        until(lambda: not any(self.serves(name) for name in self.ports))
