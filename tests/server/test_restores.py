"""Drill, restore and sync as a person types them, with real servers that a service manager runs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import httpx2
import pytest

from homeport.contract import DATABASE_FILE, SNAPSHOT_FILE
from homeport.environments.declaration import Declaration, parse_declaration
from homeport.host.services.awaiting import await_health
from homeport.host.services.processes import ProcessManager
from tests.support.exchanging import content
from tests.support.ports import free_ports
from tests.support.running import PROGRAM

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
TOKENS = 'auth = "tokens"\n'


class Harbour:
    """Production and development, both run as plain processes."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.file = directory / "homeport.toml"
        ports = free_ports(4)
        more = {"production": TOKENS, "development": TOKENS}
        self.file.write_text(
            "".join(
                f"[environments.{name}]\nhttp_port = {ports[2 * number]}\nsse_port = {ports[2 * number + 1]}\n"
                f"service = 'processes'\n{more[name]}"
                for number, name in enumerate(more)
            )
        )
        for environment in self.declaration.environments.values():
            for path in environment.directories:
                Path(path).mkdir(parents=True, exist_ok=True)
        self.manager = ProcessManager(PurePosixPath(self.file), PurePosixPath(sys.executable), grace=20)
        self.tokens: dict[str, str] = {}

    @property
    def declaration(self) -> Declaration:
        return parse_declaration(self.file.read_text(), PurePosixPath(self.file))

    def data(self, name: str) -> Path:
        return self.directory / name / "data"

    def start(self, name: str) -> None:
        """Its server, healthy, with a token."""
        environment = self.declaration.environment(name)
        self.manager.start(environment)
        await_health(self.manager, environment, 60)
        self.tokens[name] = self.token(name)

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

    def send(self, name: str, subject: str) -> None:
        url = self.declaration.environment(name).http_url
        body = {"from": "ann", "to": "bob", "subject": subject, "content": "x"}
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


@pytest.fixture
def harbour(tmp_path: Path) -> Iterator[Harbour]:
    one = Harbour(tmp_path)
    one.start("production")
    for number in range(3):
        one.send("production", f"number {number}")
    yield one
    for environment in one.declaration.environments.values():
        one.manager.stop(environment)


def test_a_drill_restores_serves_asks_and_says_proven(harbour: Harbour) -> None:
    backup = harbour.run("backup", "create", "production")["backup"]
    assert harbour.health("production")["backups"]["state"] == "never proven"
    done = harbour.run("backup", "drill", "production")
    assert (done["backup"], done["outcome"], done["depth"]) == (backup, "passed", "served")
    assert done["seconds"] > 0
    assert harbour.health("production")["backups"]["state"] == "proven"
    assert harbour.run("backup", "show", "production")["drill"]["outcome"] == "passed"
    shelf = harbour.directory / "production-backups"
    assert sorted(path.suffix for path in shelf.iterdir()) == [".json", ".zst"]
    assert harbour.messages("production") == 3
    assert "drill" not in harbour.run("token", "list", "production")["tokens"][0]["name"]
    assert len(harbour.run("token", "list", "production")["tokens"]) == 1


def test_a_backup_that_was_tampered_with_is_named_by_its_drill(harbour: Harbour) -> None:
    backup = harbour.run("backup", "create", "production")["backup"]
    harbour.run("backup", "drill", "production")
    archive = harbour.directory / "production-backups" / f"data-{backup}.tar.zst"
    raw = bytearray(archive.read_bytes())
    raw[len(raw) // 2] ^= 4
    archive.write_bytes(raw)
    done = harbour.run("backup", "drill", "production", code=4)
    assert done["outcome"] == "failed"
    assert archive.name in done["reason"]
    assert harbour.health("production")["backups"]["state"] == "never proven"
    refused = harbour.run("restore", "production", backup, "--yes", code=1)
    assert archive.name in refused["message"]
    assert harbour.messages("production") == 3


def test_a_drill_takes_the_archive_from_a_place_where_the_local_one_is_gone(harbour: Harbour) -> None:
    place = harbour.directory / "elsewhere"
    place.mkdir()
    harbour.file.write_text(
        harbour.file.read_text().replace(
            "[environments.development]",
            f'[environments.production.backup]\nplaces = ["{place}"]\n[environments.development]',
        )
    )
    backup = harbour.run("backup", "create", "production")["backup"]
    (harbour.directory / "production-backups" / f"data-{backup}.tar.zst").unlink()
    assert "is missing" in harbour.run("backup", "drill", "production", backup, code=4)["reason"]
    done = harbour.run("backup", "drill", "production", "latest", "--from", str(place))
    assert (done["backup"], done["outcome"]) == (backup, "passed")


def test_a_restore_puts_the_backup_in_place_and_keeps_what_was_there(harbour: Harbour) -> None:
    backup = harbour.run("backup", "create", "production")["backup"]
    harbour.send("production", "too late")
    (harbour.data("production") / "newer").write_text("than the backup")
    before = harbour.pid("production")
    refused = harbour.run("restore", "production", backup, code=3)
    assert "--yes" in refused["hint"]
    shown = harbour.run("restore", "production", backup, "--dry-run")
    assert shown["loss"]["messages"] == 1
    assert harbour.pid("production") == before
    done = harbour.run("restore", "production", backup, "--yes")
    assert done["started"]
    assert harbour.pid("production") != before
    assert harbour.messages("production") == 3
    assert not (harbour.data("production") / "newer").exists()
    assert (Path(done["kept"]) / "newer").read_text() == "than the backup"
    # And back again: what was there is a backup too, and is the newest.
    again = harbour.run("restore", "production", "latest", "--yes")
    assert again["restored"] == done["safety_backup"]
    assert harbour.messages("production") == 4


def test_damaged_data_are_saved_file_by_file_and_restored(harbour: Harbour) -> None:
    backup = harbour.run("backup", "create", "production")["backup"]
    environment = harbour.declaration.environment("production")
    harbour.manager.stop(environment)
    database = harbour.data("production") / DATABASE_FILE
    database.write_bytes(b"not a database at all" * 1000)
    harbour.manager.start(environment)
    done = harbour.run("restore", "production", backup, "--yes")
    assert done["started"]
    assert harbour.messages("production") == 3
    saved = harbour.run("backup", "show", "production", done["safety_backup"])
    assert "not" in saved["damaged"]
    # Nobody who asks for the latest gets damaged data.
    assert harbour.run("restore", "production", "latest", "--dry-run")["backup"] == backup
    harbour.run("restore", "production", done["safety_backup"], "--to", str(harbour.directory / "out"), code=4)
    assert (harbour.directory / "out" / DATABASE_FILE).read_bytes().startswith(b"not a database")


def test_at_a_time_the_newest_backup_before_it_is_meant(harbour: Harbour) -> None:
    first = harbour.run("backup", "create", "production")
    second = harbour.run("backup", "create", "production")
    chosen = harbour.run("restore", "production", "--at", first["created"], "--dry-run")
    assert chosen["backup"] == first["backup"]
    assert harbour.run("restore", "production", "--at", second["created"], "--dry-run")["backup"] == second["backup"]
    assert (
        "no good backup" in harbour.run("restore", "production", "--at", "2020-01-01", "--dry-run", code=2)["message"]
    )
    assert "is no time" in harbour.run("restore", "production", "--at", "yesterday", "--dry-run", code=2)["message"]


def test_data_of_another_environment_are_never_replaced(harbour: Harbour) -> None:
    backup = harbour.run("backup", "create", "production")["backup"]
    harbour.manager.stop(harbour.declaration.environment("production"))
    identity = harbour.data("production") / "identity.json"
    told = json.loads(identity.read_text())
    identity.write_text(json.dumps({**told, "environment": "development"}))
    refused = harbour.run("restore", "production", backup, "--yes", code=3)
    assert "holds data of development" in refused["message"]


def test_a_sync_leaves_production_as_it_was_and_its_tokens_outside(harbour: Harbour) -> None:
    harbour.start("development")
    harbour.send("development", "of development")
    before = content(harbour.data("production"))
    done = harbour.run("sync", "production", "development", "--scrub", "texts", "--yes")
    assert done["started"]
    assert content(harbour.data("production")) == before
    assert harbour.ask("development", "/api/v1/status", harbour.tokens["production"]).status_code == 401
    assert harbour.ask("development", "/api/v1/status", harbour.tokens["development"]).status_code == 401
    harbour.tokens["development"] = harbour.token("development")
    assert harbour.messages("development") == 3
    assert harbour.health("development")["origin"]["environment"] == "production"
    assert harbour.ask("development", "/api/v1/status").json()["origin"]["environment"] == "production"
    assert json.loads((harbour.data("development") / SNAPSHOT_FILE).read_text())["scrub"] == "texts"
    saved = harbour.run("backup", "show", "development", done["safety_backup"])
    assert (saved["state"], saved["origin"]) == ("good", "sync")
    assert [path.name for path in harbour.data("development").parent.glob("data*")] == ["data"]


def test_nothing_is_synced_into_a_protected_environment(harbour: Harbour) -> None:
    for more in ((), ("--yes",), ("--dry-run",), ("--scrub", "none", "--yes")):
        refused = harbour.run("sync", "development", "production", *more, code=3)
        assert "is protected" in refused["message"]
    assert "the same data" in harbour.run("sync", "development", "development", "--yes", code=2)["message"]
    assert harbour.messages("production") == 3
