"""A machine whose production is deployed from a git repository of Homeport itself, built offline."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Self

from homeport.storage.migrations.revisions import HEAD
from tests.support import steady
from tests.support.later import LATER, migration
from tests.support.machine import Background, Machine
from tests.support.machines.image import ROOT
from tests.system.provisioned import FILE, call, homeport, provision, token

SOURCE: Final = "/srv/source"
RELEASES: Final = "/srv/team/production/releases"
DECLARED: Final = f"""\
[environments.production]
proxy = "nginx"
source = "{SOURCE}"
rate_limit = 0
backup_schedule = ""
drill_schedule = ""
doctor_schedule = ""
"""
_PACKED: Final = ("src", "pyproject.toml", "README.md", "LICENSE", "requirements/runtime.lock")
_GIT: Final = ("git", "-C", SOURCE, "-c", "user.name=ada", "-c", "user.email=ada@example.org")


class Harbour:
    """Deploys on a machine.

    Args:
        machine: which.
        wheels: that releases are built of.
        more: lines of production's table in the declaration.

    Attributes:
        machine: that one.
        apart: a release with a migration that none before can live with, built already.
    """

    def __init__(self, machine: Machine, wheels: Path, more: str = "") -> None:
        self.machine = machine
        self.apart: str | None = None
        machine.copy(wheels, "/opt")
        machine.write("/etc/pip.conf", f"[global]\nno-index = true\nfind-links = /opt/{wheels.name}\n")
        with tempfile.TemporaryDirectory() as place:
            source = Path(place) / "source"
            for name in _PACKED:
                target = source / name
                target.parent.mkdir(parents=True, exist_ok=True)
                if (ROOT / name).is_dir():
                    shutil.copytree(ROOT / name, target, ignore=shutil.ignore_patterns("__pycache__"))
                else:
                    shutil.copyfile(ROOT / name, target)
            machine.copy(source, "/srv")
        machine.run(["git", "init", "--quiet", "--initial-branch=main", SOURCE])
        self.commit({})
        machine.write(FILE, DECLARED + more)
        provision(machine, "production", "--yes")
        self.token = token(machine, "production", machine.name)["Authorization"].removeprefix("Bearer ")

    def commit(self, files: Mapping[str, str]) -> str:
        """A commit with these files changed; its name."""
        for name, text in files.items():
            self.machine.write(f"{SOURCE}/{name}", text)
        self.machine.run([*_GIT, "add", "--all"])
        self.machine.run([*_GIT, "commit", "--quiet", "--allow-empty", "--message", "a change"])
        return self.machine.run([*_GIT, "rev-parse", "HEAD"]).out.strip()

    def patched(self, name: str, old: str, new: str) -> dict[str, str]:
        """A file of the source with one text in place of another."""
        text = (ROOT / name).read_text(encoding="utf-8")
        assert old in text
        return {name: text.replace(old, new, 1)}

    def migration(self, revision: str = LATER, after: str = HEAD, **given: Any) -> dict[str, str]:
        """A migration more, as :func:`tests.support.later.migration` writes it."""
        text = migration(revision=revision, after=after, **given)
        return {f"src/homeport/storage/migrations/versions/r{revision}_later.py": text}

    def token_call(self, tool: str, **arguments: object) -> Any:
        """The answer to a call."""
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        return call(self.machine, "/mcp", headers, tool, **arguments)

    def change(self, *words: str, code: int = 0) -> Any:
        """What ``homeport deploy`` or ``rollback`` answers; it must end with this code."""
        told = homeport(self.machine, *words, "--yes", "--json", check=False)
        assert told.code == code, f"{told.code}:\n{told.out}{told.err}"
        return json.loads(told.out if code == 0 else told.err.splitlines()[-1])

    def deploy(self, *words: str, code: int = 0) -> Any:
        return self.change("deploy", "production", "--watch", "1", *words, code=code)

    def stored_and_unwell(self, *words: str) -> str:
        """Changes to a release that stores a message, is unwell then, and is left serving; its id."""
        machine, before = self.machine, self.health["release"]
        more = ("--watch", "300", "--yes", "--json", "--config", FILE)
        changing = machine.start(["homeport", *words, *more], log="/root/changing")
        machine.until(lambda: self.health["release"] != before or not changing.is_running, within=180)
        self.token_call("send_message", **{"from": "ann", "to": "bob", "subject": "acknowledged", "content": "c"})
        machine.until(lambda: not changing.is_running, within=120)
        error = json.loads(machine.read("/root/changing").splitlines()[-1])["error"]
        assert "was left serving: going back would lose 1 messages" in error["message"], error
        release = self.health["release"]
        assert release != before
        return str(release)

    def subjects(self) -> list[str]:
        """Of the messages to bob."""
        found = self.token_call("get_messages", instanceId="bob")["messages"]
        return [one["subject"] for one in found]

    def serves_healthy(self, release: str) -> None:
        """Waits until it does, in both slots' names."""
        self.machine.until(lambda: self.machine.answers("http://127.0.0.1:3444/health"))
        assert self.health["release"] == release
        assert {one for _, one in self.slots().values()} == {release}

    @property
    def health(self) -> Any:
        return self.machine.get("http://127.0.0.1:3444/health").json()

    def usable(self) -> list[str]:
        """Ids of the releases that serve or may serve again, the newest first."""
        shown = json.loads(homeport(self.machine, "releases", "production", "--json").out)
        return [one["id"] for one in shown["releases"] if one["state"] != "failed"]

    def other(self) -> str:
        """One that may serve and does not."""
        return next(one for one in self.usable() if one != self.health["release"])

    def slots(self) -> dict[str, tuple[str, str]]:
        """By slot: what systemd says of it, and which release it has."""
        return {
            slot: (
                self.machine.unit(f"homeport-production@{slot}.service", "ActiveState")["ActiveState"],
                self.machine.run(["readlink", f"/srv/team/production/slots/{slot}"]).out.strip().rpartition("/")[2],
            )
            for slot in ("blue", "green")
        }


class Load:
    """Clients of every kind, from the block's beginning to its end; ``found`` is what they saw.

    Args:
        harbour: on whose machine.
        seconds: at most.
        ports: of the server, of a proxy, and for HTTP+SSE.
    """

    def __init__(self, harbour: Harbour, seconds: float, ports: tuple[int, int, int] = (3444, 80, 3445)) -> None:
        self._harbour = harbour
        self._seconds = seconds
        self._ports = ports
        self._process: Background | None = None
        self.found: dict[str, Any] = {}

    def __enter__(self) -> Self:
        machine = self._harbour.machine
        machine.copy(Path(steady.__file__ or ""), "/root")
        machine.run(["rm", "--force", "/root/stop", "/root/load"])
        words = [*map(str, self._ports), self._harbour.token, str(self._seconds), "/root/stop"]
        self._process = machine.start(["/usr/bin/python3", "/root/steady.py", *words], log="/root/load")
        return self

    def __exit__(self, *_: object) -> None:
        machine, process = self._harbour.machine, self._process
        assert process is not None
        machine.write("/root/stop", "")
        machine.until(lambda: not process.is_running, within=120)
        said = machine.read("/root/load")
        assert said.startswith("{"), said
        self.found = json.loads(said)
