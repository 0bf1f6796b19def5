"""A developer who pushes to a machine whose development follows branches: real git, real hooks, a real server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path, PurePosixPath
from typing import Any

from homeport.environments.declaration import Declaration, parse_declaration
from homeport.environments.environment import Environment
from homeport.host.health import ask_environment
from homeport.host.services.processes import ProcessManager
from tests.support.checkouts import commit, git, new_repository
from tests.support.foreign import PROGRAM
from tests.support.ports import free_ports

BRANCHES = '["main", "feature/*"]'


class Machine:
    """A root with development, its checkout, and what a developer has elsewhere.

    Args:
        directory: for all of it.
        more: further lines of development's table.
        branches: that it follows, as TOML.
    """

    def __init__(self, directory: Path, more: str = "", branches: str = BRANCHES) -> None:
        self.directory = directory
        self.root = directory / "machine"
        self.root.mkdir()
        self.home = new_repository(directory / "home")
        self.write("1")
        git(directory, "clone", "--quiet", str(self.home), str(self.root / "checkout"))
        port = free_ports(1)[0]
        self.file = self.root / "homeport.toml"
        self.file.write_text(
            f"[environments.development]\nhttp_port = {port}\nprotocols = ['http']\nservice = 'processes'\n"
            f"command = {json.dumps([sys.executable, 'shop.py'])}\nvariables = {{ PORT = '{port}' }}\n"
            f"checkout = 'checkout'\n{more}\n[environments.development.follow]\nbranches = {branches}\n"
            "[environments.production]\n"
        )
        self.run("start", "development")

    @property
    def declaration(self) -> Declaration:
        return parse_declaration(self.file.read_text(), PurePosixPath(self.file))

    @property
    def development(self) -> Environment:
        return self.declaration.environment("development")

    @property
    def checkout(self) -> Path:
        return self.root / "checkout"

    @property
    def version(self) -> object:
        """Of the server that answers; None where none does."""
        return ask_environment(self.development).payload.get("version")

    @property
    def stands(self) -> tuple[str, str]:
        """The branch that the checkout is on, and its commit."""
        return git(self.checkout, "symbolic-ref", "--short", "HEAD"), git(self.checkout, "rev-parse", "HEAD")

    def write(self, version: str, fault: str = "") -> str:
        """A commit at home, on the branch that is checked out there."""
        program = PROGRAM.replace('os.environ.get("VERSION", "1")', repr(version))
        program = program.replace('os.environ.get("FAULT", "")', repr(fault))
        return commit(self.home, f"version {version}", shop_py=program)

    def repository(self) -> Path:
        """Makes the repository, and has the developer know it."""
        made = Path(self.run("repository")["repository"])
        git(self.home, "remote", "add", "homeport", str(made))
        return made

    def push(self, *words: str) -> str:
        """What whoever pushes reads; git itself must be content."""
        command = ["git", "-C", str(self.home), "push", *(words or ("homeport", "HEAD"))]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"})
        assert done.returncode == 0, done.stderr
        return done.stderr

    def run(self, *words: str, code: int = 0) -> Any:
        """A command's answer, or its error."""
        done = self.say(*words, "--json", code=code)
        return json.loads(done.stdout if code == 0 else done.stderr.strip().splitlines()[-1])

    def say(self, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        """A command as people call it."""
        command = [sys.executable, "-P", "-m", "homeport", *words, "--config", str(self.file)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stdout + done.stderr
        return done

    def operations(self) -> list[dict[str, Any]]:
        """What the journal has of development."""
        return list(self.run("log", "development")["operations"])

    def close(self) -> None:
        """Ends the server."""
        ProcessManager(PurePosixPath("/"), PurePosixPath("/"), grace=10).stop(self.development)
