"""Two environments of one declaration, each with a real server that a service manager runs as a plain process."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any

import httpx2

from homeport.contract import DatabaseAddress
from homeport.environments.declaration import Declaration, parse_declaration
from homeport.host.services.awaiting import await_health
from homeport.host.services.processes import ProcessManager
from tests.support.ports import free_ports
from tests.support.running import PROGRAM

TOKENS = 'auth = "tokens"\n'


class Harbour:
    """Production and development, both run as plain processes.

    Args:
        directory: where all of it lies.
        more: lines of production's table of backups.
        databases: of environments whose data are in one.
    """

    def __init__(
        self, directory: Path, more: str = "", databases: Mapping[str, DatabaseAddress] = MappingProxyType({})
    ) -> None:
        self.directory = directory
        self.file = directory / "homeport.toml"
        ports = free_ports(4)
        backup = f"[environments.production.backup]\n{more}" if more else ""
        named = {name: f'database = "{one.url}"\n' for name, one in databases.items()}
        declared = {
            "production": TOKENS + named.get("production", "") + backup,
            "development": TOKENS + named.get("development", ""),
        }
        self.file.write_text(
            "".join(
                f"[environments.{name}]\nhttp_port = {ports[2 * number]}\nsse_port = {ports[2 * number + 1]}\n"
                f"service = 'processes'\n{declared[name]}"
                for number, name in enumerate(declared)
            )
        )
        for environment in self.declaration.environments.values():
            for path in environment.directories:
                Path(path).mkdir(parents=True, exist_ok=True)
            for path in environment.private_directories:
                Path(path).chmod(0o700)
        self.manager = ProcessManager(PurePosixPath(self.file), PurePosixPath(sys.executable), grace=20)
        self.tokens: dict[str, str] = {}

    @property
    def declaration(self) -> Declaration:
        return parse_declaration(self.file.read_text(), PurePosixPath(self.file))

    def data(self, name: str) -> Path:
        return self.directory / name / "data"

    def start(self, name: str) -> None:
        """Its server, healthy, with a token."""
        self.start_again(name)
        self.tokens[name] = self.token(name)

    def start_again(self, name: str) -> None:
        """Its server, healthy, with the tokens that it had."""
        environment = self.declaration.environment(name)
        self.manager.start(environment)
        await_health(self.manager, environment, 60)

    def token(self, name: str) -> str:
        made = subprocess.run(
            [*PROGRAM, "--config", str(self.file), "token", "create", name, "--name", "test"],
            capture_output=True,
            text=True,
            check=True,
        )
        return made.stdout.strip()

    def run(self, *words: str, code: int = 0) -> Any:
        """A command's answer in JSON, or its error."""
        done = subprocess.run(
            [*PROGRAM, "--config", str(self.file), "--json", *words], capture_output=True, text=True, check=False
        )
        assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
        if done.stdout.strip():
            return json.loads(done.stdout)
        return json.loads(done.stderr.strip().splitlines()[-1])["error"]

    def ask(self, name: str, path: str, token: str | None = None) -> httpx2.Response:
        url = self.declaration.environment(name).http_url
        bearer = {"Authorization": f"Bearer {token or self.tokens[name]}"}
        return httpx2.get(f"{url}{path}", headers=bearer, timeout=30)

    def send(self, name: str, subject: str, content: str = "x") -> None:
        url = self.declaration.environment(name).http_url
        body = {"from": "ann", "to": "bob", "subject": subject, "content": content}
        bearer = {"Authorization": f"Bearer {self.tokens[name]}"}
        answer = httpx2.post(f"{url}/api/v1/messages", json=body, headers=bearer, timeout=30)
        assert answer.status_code == 200, answer.text

    def messages(self, name: str) -> int:
        answer = self.ask(name, "/api/v1/stats/messages")
        assert answer.status_code == 200, answer.text
        return int(answer.json()["total"])

    def pid(self, name: str) -> int | None:
        return self.manager.state(self.declaration.environment(name)).pid

    def health(self, name: str) -> Any:
        return httpx2.get(f"{self.declaration.environment(name).http_url}/health", timeout=30).json()
